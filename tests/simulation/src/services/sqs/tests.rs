use super::*;

const DAY_MS: i64 = 24 * 3600 * 1000;

/// Model with the queue `jobs`, whose dead letters are in `dead`.
struct Bed {
    sqs: Sqs,
    now: i64,
    random: fastrand::Rng,
}

impl Bed {
    fn new(seed: u64) -> Self {
        let mut sqs = Sqs::default();
        sqs.create("dead", 30, None);
        sqs.create("jobs", 30, Some(("dead", 2)));
        Self { sqs, now: 0, random: fastrand::Rng::with_seed(seed) }
    }

    fn with<T>(&mut self, act: impl FnOnce(&mut Sqs, &mut Moment<'_>) -> T) -> T {
        let now = Timestamp::from_millisecond(self.now).unwrap();
        act(&mut self.sqs, &mut Moment { now, random: &mut self.random })
    }

    fn send(&mut self, queue: &str, body: &str) {
        self.with(|sqs, moment| sqs.send(queue, body.to_owned(), 0, moment));
    }

    fn receive(&mut self, queue: &str) -> Vec<(String, Message)> {
        self.with(|sqs, moment| sqs.receive(queue, 10, None, moment))
    }

    fn bodies(&mut self, queue: &str) -> Vec<String> {
        self.receive(queue).into_iter().map(|(_, message)| message.body).collect()
    }

    fn pass(&mut self, ms: i64) {
        self.now += ms;
        self.sqs.expire(Timestamp::from_millisecond(self.now).unwrap());
    }

    fn len(&self, queue: &str) -> usize {
        self.sqs.queues[queue].messages().len()
    }
}

#[test]
fn doubled_message_reaches_two_receivers() {
    let mut bed = Bed::new(0);
    bed.sqs.doubled = 1.0;
    bed.send("jobs", "a");
    let (first, second) = (bed.receive("jobs"), bed.receive("jobs"));
    assert_eq!((first[0].1.receives, second[0].1.receives), (1, 2));
    assert_eq!(first[0].1.id, second[0].1.id);
    bed.sqs.delete("jobs", &first[0].0);
    assert_eq!(bed.len("jobs"), 1, "the handle of the earlier receive deletes nothing");
    bed.sqs.delete("jobs", &second[0].0);
    assert_eq!(bed.len("jobs"), 0);
}

#[test]
fn strict_queue_hides_received_messages() {
    let mut bed = Bed::new(0);
    bed.send("jobs", "a");
    assert_eq!(bed.bodies("jobs"), ["a"]);
    assert!(bed.bodies("jobs").is_empty());
    bed.pass(30_000);
    assert_eq!(bed.bodies("jobs"), ["a"]);
}

#[test]
fn seed_decides_the_order_of_a_receive() {
    let order = |seed| {
        let mut bed = Bed::new(seed);
        for body in ["a", "b", "c", "d", "e"] {
            bed.send("jobs", body);
        }
        bed.bodies("jobs")
    };
    let orders: Vec<_> = (0..8).map(order).collect();
    assert_eq!(orders, (0..8).map(order).collect::<Vec<_>>());
    assert!(orders.iter().any(|other| *other != orders[0]), "{orders:?}");
    for mut order in orders {
        order.sort();
        assert_eq!(order, ["a", "b", "c", "d", "e"]);
    }
}

#[test]
fn overlooked_message_stays_visible() {
    let mut bed = Bed::new(0);
    bed.send("jobs", "a");
    let receive = |bed: &mut Bed| {
        let body = r#"{"QueueUrl":"http://model/000000000000/jobs"}"#;
        let request = Request::post("/").header("x-amz-target", "AmazonSQS.ReceiveMessage");
        let request = request.body(Bytes::from(body)).unwrap();
        let response = bed.with(|sqs, moment| sqs.call(&request, moment));
        let received: Value = serde_json::from_slice(response.body()).unwrap();
        received["Messages"].as_array().map_or(0, Vec::len)
    };
    bed.sqs.overlooked = 1.0;
    assert_eq!(receive(&mut bed), 0);
    bed.sqs.overlooked = 0.0;
    assert_eq!(receive(&mut bed), 1);
}

#[test]
fn messages_expire_after_the_retention() {
    let mut bed = Bed::new(0);
    bed.send("jobs", "a");
    bed.send("dead", "b");
    bed.pass(4 * DAY_MS - 1);
    assert_eq!((bed.len("jobs"), bed.len("dead")), (1, 1));
    bed.now += 1;
    assert!(bed.bodies("jobs").is_empty(), "an expired message that still exists is not received");
    bed.pass(0);
    assert_eq!((bed.len("jobs"), bed.len("dead")), (0, 1));
    bed.pass(10 * DAY_MS);
    assert_eq!(bed.len("dead"), 0);
}

#[test]
fn dead_letter_keeps_its_age_and_redrive_resets_it() {
    let mut bed = Bed::new(0);
    bed.send("jobs", "a");
    for _ in 0..3 {
        bed.receive("jobs");
        bed.pass(DAY_MS);
    }
    assert_eq!(bed.len("dead"), 1);
    bed.pass(11 * DAY_MS - 1);
    assert_eq!(bed.with(|sqs, moment| sqs.redrive("dead", moment)), 1);
    bed.pass(4 * DAY_MS - 1);
    assert_eq!(bed.len("jobs"), 1);
    bed.pass(1);
    assert_eq!(bed.len("jobs"), 0);
}

#[test]
fn redrive_leaves_messages_without_a_source() {
    let mut bed = Bed::new(0);
    bed.send("dead", "a");
    assert_eq!(bed.with(|sqs, moment| sqs.redrive("dead", moment)), 0);
    assert_eq!(bed.len("dead"), 1);
}
