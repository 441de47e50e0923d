//! Random operations on few keys.

use aws_sdk_s3::{
    Client,
    types::{ChecksumAlgorithm, ChecksumType, CompletedMultipartUpload, CompletedPart},
};
use fastrand::Rng;
use runtime::objects::encode_crc32;

use super::copy_source;
use crate::{
    targets::Target,
    transcript::{Transcript, nothing},
};

const BUCKET: &str = "random";
const KEYS: [&str; 6] = ["a", "a/b", "a/c d", "b", "ü+", "c"];
/// Key of writes that are refused.
const REFUSED: &str = "refused";
/// Large enough for copies of ranges, and for a part that is not the last.
const BIG: &str = "big";
const BIG_BYTES: usize = (5 << 20) + 100;
/// Longest small body.
const MAX_BYTES: usize = 40;

/// Facts that the client knows: the same on all targets, except for the texts.
#[derive(Default)]
struct Known {
    /// ETags of writes.
    etags: Vec<String>,
    uploads: Vec<Upload>,
}

/// An upload that was created.
struct Upload {
    key: &'static str,
    id: String,
    /// Numbers, ETags and checksums of its parts.
    parts: Vec<(i32, String, u32)>,
    open: bool,
}

/// Sends operations that the seed determines. Requests with two faults or with named
/// differences (copies of objects to themselves, completions without parts) are left out.
pub async fn case(target: &Target, seed: u64, operations: usize) -> Transcript {
    let (s3, mut said, mut known) = (&target.s3(), Transcript::default(), Known::default());
    s3.create_bucket().bucket(BUCKET).send().await.unwrap();
    let big = s3.put_object().bucket(BUCKET).key(BIG).body(vec![9; BIG_BYTES].into()).send().await;
    known.etags.push(big.unwrap().e_tag.unwrap());
    let mut random = Rng::with_seed(seed);
    let mut step = 0;
    while said.len() < operations {
        step += 1;
        match random.u8(..24) {
            0..5 => put(s3, &mut said, step, &mut random, &mut known).await,
            5..8 => get(s3, &mut said, step, &mut random, &known).await,
            8 => delete(s3, &mut said, step, &mut random).await,
            9..11 => copy(s3, &mut said, step, &mut random, &mut known).await,
            11 => list(s3, &mut said, step, &mut random).await,
            12 => create(s3, &mut said, step, &mut random, &mut known).await,
            13..16 => part(s3, &mut said, step, &mut random, &mut known).await,
            16..19 => part_copy(s3, &mut said, step, &mut random, &mut known).await,
            19..22 => complete(s3, &mut said, step, &mut random, &mut known).await,
            _ => uploads(s3, &mut said, step, &mut random, &mut known).await,
        }
    }
    let listed = s3.list_objects_v2().bucket(BUCKET).send().await.unwrap();
    for object in listed.contents() {
        let got = s3.get_object().bucket(BUCKET).key(object.key().unwrap()).send().await.unwrap();
        let body = got.body.collect().await.unwrap().into_bytes();
        said.note(
            &format!("{seed} end {}", object.key().unwrap()),
            format!("{} {}", body.len(), crc32fast::hash(&body)),
        );
    }
    said
}

fn key(random: &mut Rng) -> &'static str {
    KEYS[random.usize(..KEYS.len())]
}

/// Returns the index of one of the three newest uploads.
fn recent(random: &mut Rng, known: &Known) -> usize {
    let count = known.uploads.len();
    count.saturating_sub(1 + random.usize(..count.clamp(1, 3)))
}

fn bytes(random: &mut Rng) -> Vec<u8> {
    (0..random.usize(1..MAX_BYTES)).map(|_| random.u8(..)).collect()
}

/// Returns a known ETag or an unknown one, in one of five requests.
fn condition(random: &mut Rng, known: &Known) -> Option<String> {
    match random.u8(..10) {
        0 => Some("\"0\"".to_owned()),
        1 => random.choice(&known.etags).cloned(),
        _ => None,
    }
}

async fn put(s3: &Client, said: &mut Transcript, step: usize, random: &mut Rng, known: &mut Known) {
    let (key, body, wrong) = (key(random), bytes(random), random.u8(..8) == 0);
    // LocalStack damages the object that a refused one would have replaced.
    let key = if wrong { REFUSED } else { key };
    let crc32 = crc32fast::hash(&body).wrapping_add(u32::from(wrong));
    let put = s3.put_object().bucket(BUCKET).key(key).body(body.into()).checksum_crc32(encode_crc32(crc32));
    let new = random.u8(..4) == 0;
    let put =
        put.set_if_none_match(new.then(|| "*".to_owned())).set_if_match(condition(random, known).filter(|_| !new));
    let sent = put.send().await;
    known.etags.extend(sent.as_ref().ok().and_then(|put| put.e_tag.clone()));
    said.record(&format!("{step} put {key}"), sent, |put| format!("{:?}", put.checksum_crc32()));
}

async fn get(s3: &Client, said: &mut Transcript, step: usize, random: &mut Rng, known: &Known) {
    let key = key(random);
    let (first, last) = (random.usize(..MAX_BYTES), random.usize(..MAX_BYTES));
    let range = match random.u8(..6) {
        0 => Some(format!("bytes={}-{}", first.min(last), first.max(last))),
        1 => Some(format!("bytes={first}-")),
        2 => Some(format!("bytes=-{last}")),
        _ => None,
    };
    let get = s3.get_object().bucket(BUCKET).key(key).set_range(range);
    let sent = get.set_if_match(condition(random, known)).set_if_none_match(condition(random, known)).send().await;
    let (mut body, mut range) = (Vec::new(), None);
    let sent = match sent {
        Ok(got) => {
            range = got.content_range.clone();
            body = got.body.collect().await.unwrap().to_vec();
            Ok(())
        }
        Err(error) => Err(error),
    };
    said.record(&format!("{step} get {key}"), sent, |()| {
        format!("{} {} {range:?}", body.len(), crc32fast::hash(&body))
    });
}

async fn delete(s3: &Client, said: &mut Transcript, step: usize, random: &mut Rng) {
    let key = key(random);
    said.record(&format!("{step} delete {key}"), s3.delete_object().bucket(BUCKET).key(key).send().await, nothing);
}

async fn copy(s3: &Client, said: &mut Transcript, step: usize, random: &mut Rng, known: &mut Known) {
    let (from, to) = (key(random), key(random));
    if from == to {
        return;
    }
    let copy = s3.copy_object().bucket(BUCKET).key(to).copy_source(copy_source(BUCKET, from));
    let sent = copy.set_copy_source_if_match(condition(random, known)).send().await;
    let etag =
        sent.as_ref().ok().and_then(|copied| copied.copy_object_result()).and_then(|copied| copied.e_tag.clone());
    known.etags.extend(etag);
    said.record(&format!("{step} copy {from} to {to}"), sent, nothing);
}

async fn list(s3: &Client, said: &mut Transcript, step: usize, random: &mut Rng) {
    let list = s3.list_objects_v2().bucket(BUCKET).prefix(["", "a", "a/"][random.usize(..3)]);
    let list = list.set_delimiter(random.bool().then(|| "/".to_owned())).max_keys(random.i32(1..8));
    let sent = list.set_start_after(random.bool().then(|| key(random).to_owned())).send().await;
    said.record(&format!("{step} list"), sent, |listed| {
        let objects: Vec<_> = listed.contents().iter().map(|object| (object.key(), object.size())).collect();
        format!("{objects:?} {:?} {:?}", listed.common_prefixes(), listed.is_truncated())
    });
}

async fn create(s3: &Client, said: &mut Transcript, step: usize, random: &mut Rng, known: &mut Known) {
    let key = key(random);
    let create = s3.create_multipart_upload().bucket(BUCKET).key(key);
    let create = create.checksum_algorithm(ChecksumAlgorithm::Crc32).checksum_type(ChecksumType::FullObject);
    let sent = create.send().await;
    let id = sent.as_ref().ok().and_then(|created| created.upload_id.clone());
    known.uploads.extend(id.map(|id| Upload { key, id, parts: Vec::new(), open: true }));
    said.record(&format!("{step} create {key}"), sent, nothing);
}

async fn part(s3: &Client, said: &mut Transcript, step: usize, random: &mut Rng, known: &mut Known) {
    let (number, body) = (random.i32(2..5), bytes(random));
    let index = recent(random, known);
    let Some(Upload { key, id, parts, .. }) = known.uploads.get_mut(index) else { return };
    let crc32 = crc32fast::hash(&body);
    let part = s3.upload_part().bucket(BUCKET).key(*key).upload_id(&*id).part_number(number).body(body.into());
    let sent = part.checksum_crc32(encode_crc32(crc32)).send().await;
    parts.extend(sent.as_ref().ok().map(|part| (number, part.e_tag.clone().unwrap(), crc32)));
    said.record(&format!("{step} part {number} of {index}"), sent, |part| format!("{:?}", part.checksum_crc32()));
}

async fn part_copy(s3: &Client, said: &mut Transcript, step: usize, random: &mut Rng, known: &mut Known) {
    let condition = condition(random, known);
    let (big, from) = (random.bool(), key(random));
    let (number, from) = if big { (1, BIG) } else { (random.i32(2..5), from) };
    let range =
        (big && random.bool()).then(|| format!("bytes={}-{}", random.usize(..100), BIG_BYTES - 1 - random.usize(..99)));
    let index = recent(random, known);
    let Some(Upload { key, id, parts, open: true }) = known.uploads.get_mut(index) else { return };
    let copy = s3.upload_part_copy().bucket(BUCKET).key(*key).upload_id(&*id).part_number(number);
    let copy =
        copy.copy_source(copy_source(BUCKET, from)).set_copy_source_range(range).set_copy_source_if_match(condition);
    let sent = copy.send().await;
    if let Some(copied) = sent.as_ref().ok().and_then(|copied| copied.copy_part_result()) {
        let crc32 = runtime::objects::decode_crc32(copied.checksum_crc32().unwrap()).unwrap();
        parts.push((number, copied.e_tag().unwrap().to_owned(), crc32));
    }
    said.record(&format!("{step} part copy {number} of {index} from {from}"), sent, |copied| {
        format!("{:?}", copied.copy_part_result().unwrap().checksum_crc32())
    });
}

async fn complete(s3: &Client, said: &mut Transcript, step: usize, random: &mut Rng, known: &mut Known) {
    let index = recent(random, known);
    let (shuffle, new) = (random.u8(..6) == 0, random.u8(..4) == 0);
    let Some(Upload { key, id, parts, open }) = known.uploads.get_mut(index) else { return };
    let mut parts = parts.clone();
    if parts.is_empty() {
        return;
    }
    // Services differ in which of two faults they name.
    let new = new && parts.len() == 1;
    // The newest part of a number, except in some requests.
    parts.reverse();
    if !shuffle {
        parts.sort_by_key(|(number, ..)| *number);
        parts.dedup_by_key(|(number, ..)| *number);
    }
    let parts = parts.iter().map(|(number, etag, crc32)| {
        CompletedPart::builder().part_number(*number).e_tag(etag).checksum_crc32(encode_crc32(*crc32)).build()
    });
    let parts = CompletedMultipartUpload::builder().set_parts(Some(parts.collect())).build();
    let complete = s3.complete_multipart_upload().bucket(BUCKET).key(*key).upload_id(&*id).multipart_upload(parts);
    let sent = complete.set_if_none_match(new.then(|| "*".to_owned())).send().await;
    *open &= sent.is_err();
    known.etags.extend(sent.as_ref().ok().and_then(|done| done.e_tag.clone()));
    said.record(&format!("{step} complete {index}"), sent, |done| format!("{:?}", done.checksum_crc32()));
}

async fn uploads(s3: &Client, said: &mut Transcript, step: usize, random: &mut Rng, known: &mut Known) {
    let index = recent(random, known);
    let abort = random.u8(..3) == 0;
    let Some(Upload { key, id, open, .. }) = known.uploads.get_mut(index) else { return };
    if abort {
        *open = false;
        let sent = s3.abort_multipart_upload().bucket(BUCKET).key(*key).upload_id(&*id).send().await;
        return said.record(&format!("{step} abort {index}"), sent, nothing);
    }
    let parts = s3.list_parts().bucket(BUCKET).key(*key).upload_id(&*id).max_parts(random.i32(1..5)).send().await;
    said.record(&format!("{step} parts of {index}"), parts, |parts| {
        let listed: Vec<_> =
            parts.parts().iter().map(|part| (part.part_number(), part.size(), part.checksum_crc32())).collect();
        format!("{listed:?} {:?}", parts.is_truncated())
    });
    let listed = s3.list_multipart_uploads().bucket(BUCKET).prefix("a").send().await;
    said.record(&format!("{step} uploads"), listed, |listed| {
        format!("{:?}", listed.uploads().iter().map(|upload| upload.key()).collect::<Vec<_>>())
    });
}
