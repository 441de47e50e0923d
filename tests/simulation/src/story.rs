//! Actions of clients in one history, drawn from its seed before it begins. Removing one leaves the others as they are,
//! so that a failing history can be shortened.

use std::time::Duration;

use domain::queue_config::QueueName;
use serde::Serialize;

use crate::config::JOB_TABLES;

/// An action at its time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// Number of the step in the whole story.
    pub number: usize,
    /// Time from the beginning.
    pub at: Duration,
    /// The action.
    pub action: Action,
}

/// Action of a client. Numbers name the photos, orders and downloads of the story.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum Action {
    /// A photographer creates a photo and uploads it.
    Announce {
        /// The photo.
        photo: usize,
        /// Size in bytes.
        size: usize,
        /// Whether the SHA-256 is declared.
        declares_hash: bool,
        /// The upload.
        upload: Upload,
    },
    /// A photographer's S3 client stores a file under `incoming/`.
    Store {
        /// The photo.
        photo: usize,
        /// Number of the path. Photos can have the same.
        path: usize,
        /// Number of the file's content, which determines its size. Photos can have the same.
        content: usize,
        /// Number of times that the client stores it.
        times: usize,
        /// Wait between two of them.
        every: Duration,
    },
    /// The shop orders photos.
    Order {
        /// The order.
        order: usize,
        /// The photos.
        photos: Vec<usize>,
        /// The customer.
        customer: usize,
    },
    /// The shop asks for a download of an order.
    Download {
        /// The download.
        download: usize,
        /// The order.
        order: usize,
        /// Whether it contains previews.
        web: bool,
        /// Whether it contains one photo only.
        single: bool,
        /// Largest number of counted downloads.
        max_downloads: Option<u32>,
        /// Whether the request waits for the archive.
        waits: bool,
    },
    /// A customer opens a link and fetches the files, several times at once.
    Fetch {
        /// The download.
        download: usize,
        /// Number of simultaneous requests.
        times: usize,
    },
    /// A photographer deletes a photo.
    Delete {
        /// The photo.
        photo: usize,
    },
    /// The shop erases an order.
    EraseOrder {
        /// The order.
        order: usize,
    },
    /// The shop erases a customer.
    EraseCustomer {
        /// The customer.
        customer: usize,
    },
    /// The shop has a download built again.
    Rebuild {
        /// The download.
        download: usize,
    },
    /// The shop revokes a download.
    Revoke {
        /// The download.
        download: usize,
    },
    /// The shop has the link of a download sent to another address.
    Notify {
        /// The download.
        download: usize,
        /// Number of the address, which no order has.
        customer: usize,
    },
    /// A photographer has a photo processed again.
    Process {
        /// The photo.
        photo: usize,
        /// Whether the request waits for it.
        waits: bool,
    },
    /// A photographer has all photos processed again.
    ProcessAll,
    /// The shop sends an email about an order.
    Email {
        /// The order.
        order: usize,
        /// Whether the request waits for it.
        waits: bool,
    },
    /// Operators retry all failed jobs of a queue.
    RetryFailed {
        /// The queue.
        queue: QueueName,
    },
    /// Operators remove all failed jobs of a queue from the list.
    ForgetFailed {
        /// The queue.
        queue: QueueName,
    },
    /// Operators look at the queues and at the failed jobs of one.
    Look {
        /// The queue.
        queue: QueueName,
    },
    /// Operators pause a queue.
    Pause {
        /// The queue.
        queue: QueueName,
        /// Time after which they resume it; `None` if they forget it.
        resumed_after: Option<Duration>,
    },
    /// Operators move all dead letters back by SQS itself.
    Redrive {
        /// The queue.
        queue: QueueName,
    },
    /// A message that no build can read arrives.
    Poison {
        /// The queue.
        queue: QueueName,
    },
    /// A message of the previous release arrives: its schedules sent sweeps to every queue, and its operations were
    /// worked on by every queue.
    Previous {
        /// The queue.
        queue: QueueName,
    },
    /// A record of a newer release, which this build cannot read, is due in a table.
    Unreadable {
        /// Name of the table.
        table: &'static str,
    },
    /// A studio lists its records.
    List,
    /// Operators restore a table to a copy of up to an hour ago.
    Restore {
        /// Name of the table.
        table: &'static str,
    },
}

/// Uploads of a photo's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Upload {
    /// Once, soon.
    Once,
    /// Twice, soon: the second one is refused.
    Twice,
    /// Once, this long after the announcement, with a new URL if the first one has expired.
    Late(Duration),
    /// In parts, of which some are sent after a break.
    Parts {
        /// Length of the break.
        pause: Duration,
        /// Whether the client comes back after it.
        comes_back: bool,
    },
    /// Another file than announced, of the same size.
    Wrong,
    /// Never.
    Never,
}

/// Time in which clients act.
pub const ACTIVE: Duration = Duration::from_secs(2 * 3600);
/// Largest numbers of the story's records.
const MAX_PHOTOS: usize = 8;
const MAX_ORDERS: usize = 4;
const MAX_DOWNLOADS: usize = 6;
const MAX_OTHERS: usize = 14;
const MAX_DELETED_EARLY: usize = 3;
/// Number of paths under `incoming/`, and of contents. Content 0 is no photo.
const PATHS: usize = 3;
const CONTENTS: usize = 5;
/// Names of the tables.
const TABLES: [&str; 5] = ["photos", "orders", "downloads", "emails", "requests"];
/// Number of customers.
pub const CUSTOMERS: usize = 2;

/// Draws the story of a seed.
pub fn draw(random: &mut fastrand::Rng) -> Vec<Step> {
    let (photos, orders) = (random.usize(1..=MAX_PHOTOS), random.usize(1..=MAX_ORDERS));
    let downloads = random.usize(1..=MAX_DOWNLOADS);
    let mut steps = Vec::new();
    let mut at = |random: &mut fastrand::Rng, from: f64, to: f64, action| {
        let share = from + (to - from) * random.f64();
        steps.push((ACTIVE.mul_f64(share), action));
    };
    for photo in 0..photos {
        if random.u8(0..3) == 0 {
            let action = store(photo, random);
            at(random, 0.0, 0.4, action);
            continue;
        }
        let action = announce(photo, random);
        let deleted_meanwhile = matches!(action, Action::Announce { upload: Upload::Late(_), .. }) && random.bool();
        at(random, 0.0, 0.4, action);
        if deleted_meanwhile {
            at(random, 0.3, 0.6, Action::Delete { photo });
        }
    }
    for order in 0..orders {
        let mut chosen: Vec<usize> = (0..photos).filter(|_| random.bool()).collect();
        if chosen.is_empty() {
            chosen.push(random.usize(..photos));
        }
        let customer = random.usize(..CUSTOMERS);
        at(random, 0.1, 0.6, Action::Order { order, photos: chosen, customer });
    }
    for download in 0..downloads {
        let action = Action::Download {
            download,
            order: random.usize(..orders),
            web: random.u8(0..4) == 0,
            single: random.u8(0..5) == 0,
            max_downloads: random.bool().then(|| random.u32(1..4)),
            waits: random.u8(0..5) == 0,
        };
        at(random, 0.2, 0.8, action);
        let times = if random.u8(0..4) == 0 { 50 } else { random.usize(1..4) };
        at(random, 0.4, 1.0, Action::Fetch { download, times });
    }
    for _ in 0..random.usize(0..=MAX_OTHERS) {
        let action = other(photos, orders, downloads, random);
        at(random, 0.1, 1.0, action);
    }
    if random.u8(0..20) == 0 {
        let table = TABLES[random.usize(..TABLES.len())];
        at(random, 0.5, 1.0, Action::Restore { table });
    }
    delete_early(photos, &mut random.clone(), &mut steps);
    steps.sort_by_key(|(at, _)| *at);
    steps.into_iter().enumerate().map(|(number, (at, action))| Step { number, at, action }).collect()
}

/// Has photos processed again and deletes them minutes later, while late calls of that processing may be under way. Draws from
/// numbers of its own, so that the rest of the story stays what it was.
fn delete_early(photos: usize, random: &mut fastrand::Rng, steps: &mut Vec<(Duration, Action)>) {
    if random.bool() {
        return;
    }
    for photo in 0..photos.min(MAX_DELETED_EARLY) {
        let at = ACTIVE.mul_f64(0.3 + 0.6 * random.f64());
        steps.push((at, Action::Process { photo, waits: false }));
        steps.push((at + Duration::from_secs(random.u64(20..600)), Action::Delete { photo }));
    }
}

fn announce(photo: usize, random: &mut fastrand::Rng) -> Action {
    let is_in_parts = random.u8(0..5) == 0;
    let size = match random.u8(0..20) {
        // Two parts, or three.
        _ if is_in_parts && random.bool() => random.usize(6 << 20..12 << 20),
        // S3 copies photos of 5 MiB and more.
        0 => random.usize(5 << 20..6 << 20),
        1 | 2 => random.usize(100_000..600_000),
        _ => random.usize(500..20_000),
    };
    let upload = match random.u8(0..12) {
        _ if is_in_parts => {
            let pause = Duration::from_secs(random.u64(0..6 * 3600));
            Upload::Parts { pause, comes_back: random.u8(0..5) > 0 }
        }
        0 | 1 => Upload::Twice,
        2 => Upload::Late(Duration::from_secs(random.u64(600..3_000))),
        3 => Upload::Late(Duration::from_secs(random.u64(60..5 * 3600))),
        4 => Upload::Wrong,
        5 => Upload::Never,
        _ => Upload::Once,
    };
    Action::Announce { photo, size, declares_hash: random.bool(), upload }
}

fn store(photo: usize, random: &mut fastrand::Rng) -> Action {
    Action::Store {
        photo,
        path: random.usize(..PATHS),
        content: random.usize(..CONTENTS),
        times: random.usize(1..=3),
        every: Duration::from_millis(random.u64(1..3_600_000)),
    }
}

fn other(photos: usize, orders: usize, downloads: usize, random: &mut fastrand::Rng) -> Action {
    let queue = QueueName::ALL[random.usize(..QueueName::ALL.len())];
    match random.u8(0..21) {
        0..=3 => Action::Delete { photo: random.usize(..photos) },
        4 => Action::EraseOrder { order: random.usize(..orders) },
        5 => Action::EraseCustomer { customer: random.usize(..CUSTOMERS) },
        6 | 7 => Action::Rebuild { download: random.usize(..downloads) },
        8 => Action::Revoke { download: random.usize(..downloads) },
        9 | 10 => Action::Process { photo: random.usize(..photos), waits: random.bool() },
        11 => Action::ProcessAll,
        12 => Action::Notify { download: random.usize(..downloads), customer: CUSTOMERS + random.usize(..4) },
        13 => Action::Email { order: random.usize(..orders), waits: random.bool() },
        14 | 15 => Action::RetryFailed { queue },
        16 => Action::ForgetFailed { queue },
        17 => Action::Look { queue },
        18 => Action::Redrive { queue },
        19 => {
            let resumed_after = random.bool().then(|| Duration::from_secs(random.u64(1..6 * 3600)));
            Action::Pause { queue, resumed_after }
        }
        _ => match random.u8(0..4) {
            0 => Action::Poison { queue },
            1 => Action::Previous { queue },
            2 => Action::Unreadable { table: JOB_TABLES[random.usize(..JOB_TABLES.len())].1 },
            _ => Action::List,
        },
    }
}
