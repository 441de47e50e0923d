//! Multipart uploads.

use aws_sdk_s3::{
    error::ProvideErrorMetadata as _,
    types::{
        ChecksumMode,
        ChecksumType::{self, FullObject},
        CompletedPart,
        StorageClass::Standard,
    },
};

use super::{Bed, bytes, crc32};

const FIVE_MIB: usize = 5 << 20;

#[tokio::test]
async fn multipart_object_is_its_parts_with_one_crc32() {
    let bed = Bed::new().await;
    let (one, two) = (bytes(1, FIVE_MIB), bytes(2, 1000));
    let id = bed.begin("zip").await;
    // Numbers may have gaps, and parts may come in any order.
    let second = bed.part("zip", &id, 7, &two).await;
    let first = bed.part("zip", &id, 2, &one).await;
    let whole = [one, two].concat();
    let wrong = bed.complete("zip", &id, vec![first.clone(), second.clone()]).checksum_crc32(crc32(b"else"));
    assert_eq!(refused!(wrong.send()).0, "BadDigest");
    let right = bed.complete("zip", &id, vec![first.clone(), second.clone()]).checksum_crc32(crc32(&whole));
    let done = right.send().await.unwrap();
    assert_eq!(done.checksum_crc32(), Some(crc32(&whole).as_str()));
    assert!(done.e_tag().unwrap().ends_with("-2\""));
    let head =
        bed.s3.head_object().bucket("photos").key("zip").checksum_mode(ChecksumMode::Enabled).send().await.unwrap();
    assert_eq!(head.checksum_crc32(), Some(crc32(&whole).as_str()));
    assert_eq!(head.checksum_type(), Some(&ChecksumType::FullObject));
    assert_eq!(bed.get("zip").await, whole);
    let across =
        bed.s3.get_object().bucket("photos").key("zip").range(format!("bytes={}-{}", FIVE_MIB - 3, FIVE_MIB + 3));
    let across = across.send().await.unwrap().body.collect().await.unwrap().to_vec();
    assert_eq!(across, whole[FIVE_MIB - 3..FIVE_MIB + 4]);
    assert_eq!(refused!(bed.complete("zip", &id, vec![first, second]).send()).0, "NoSuchUpload");
}

#[tokio::test]
async fn completion_checks_order_size_and_etags() {
    let bed = Bed::new().await;
    let id = bed.begin("zip").await;
    let small = bed.part("zip", &id, 1, b"small").await;
    let last = bed.part("zip", &id, 2, b"last").await;
    let (one, two) = (small.clone(), last.clone());
    assert_eq!(refused!(bed.complete("zip", &id, vec![two.clone(), one.clone()]).send()).0, "InvalidPartOrder");
    assert_eq!(refused!(bed.complete("zip", &id, vec![one.clone(), one.clone()]).send()).0, "InvalidPartOrder");
    assert_eq!(refused!(bed.complete("zip", &id, vec![one.clone(), two.clone()]).send()).0, "EntityTooSmall");
    let other = CompletedPart::builder().part_number(1).e_tag("\"0\"").checksum_crc32(crc32(b"small")).build();
    assert_eq!(refused!(bed.complete("zip", &id, vec![other]).send()).0, "InvalidPart");
    bed.put("zip", b"there").await;
    let first = bed.complete("zip", &id, vec![one.clone()]).if_none_match("*");
    assert_eq!(refused!(first.send()), ("PreconditionFailed".to_owned(), 412));
    bed.complete("zip", &id, vec![one]).send().await.unwrap();
    assert_eq!(bed.get("zip").await, b"small");
}

#[tokio::test]
async fn part_is_copied_by_range_and_condition() {
    let bed = Bed::new().await;
    let big = bytes(3, FIVE_MIB + 10);
    let e_tag = bed.put("big", &big).await;
    bed.put("small", b"small").await;
    let id = bed.begin("zip").await;
    let copy = |source: &str| {
        let copy = bed.s3.upload_part_copy().bucket("photos").key("zip").upload_id(&id).part_number(1);
        copy.copy_source(format!("photos/{source}"))
    };
    assert_eq!(refused!(copy("big").copy_source_if_match("\"0\"").send()), ("PreconditionFailed".to_owned(), 412));
    assert_eq!(refused!(copy("small").copy_source_range("bytes=0-1").send()).1, 400);
    copy("small").send().await.unwrap();
    let part = copy("big").copy_source_range("bytes=5-99").copy_source_if_match(e_tag).send().await.unwrap();
    let result = part.copy_part_result.unwrap();
    assert_eq!(result.checksum_crc32(), Some(crc32(&big[5..100]).as_str()));
    let part = CompletedPart::builder().part_number(1).e_tag(result.e_tag.unwrap()).checksum_crc32(crc32(&big[5..100]));
    bed.complete("zip", &id, vec![part.build()]).send().await.unwrap();
    assert_eq!(bed.get("zip").await, big[5..100]);
}

#[tokio::test]
async fn aborted_upload_is_gone() {
    let bed = Bed::new().await;
    let id = bed.begin("zip").await;
    let part = bed.part("zip", &id, 1, b"x").await;
    bed.s3.abort_multipart_upload().bucket("photos").key("zip").upload_id(&id).send().await.unwrap();
    let error = bed.complete("zip", &id, vec![part]).send().await.unwrap_err();
    assert_eq!(error.code(), Some("NoSuchUpload"));
    let body = String::from_utf8_lossy(error.raw_response().unwrap().body().bytes().unwrap()).into_owned();
    assert!(body.contains(&format!("<UploadId>{id}</UploadId>")), "{body}");
}

#[tokio::test]
async fn upload_and_part_lists_name_their_owner() {
    let bed = Bed::new().await;
    let id = bed.begin("zip").await;
    bed.part("zip", &id, 1, b"x").await;
    let parts = bed.s3.list_parts().bucket("photos").key("zip").upload_id(&id).send().await.unwrap();
    let uploads = bed.s3.list_multipart_uploads().bucket("photos").send().await.unwrap();
    let upload = &uploads.uploads()[0];
    for (owner, initiator) in [(parts.owner(), parts.initiator()), (upload.owner(), upload.initiator())] {
        assert_eq!(owner.unwrap().id().map(str::len), Some(64), "a canonical user id");
        assert_eq!(initiator.unwrap().id(), owner.unwrap().id());
    }
    assert_eq!((parts.storage_class(), upload.storage_class()), (Some(&Standard), Some(&Standard)));
    assert_eq!((parts.checksum_type(), upload.checksum_type()), (Some(&FullObject), Some(&FullObject)));
}

#[tokio::test]
async fn objects_and_uploads_outlive_a_restart() {
    let bed = Bed::new().await;
    bed.put("a", b"kept").await;
    let id = bed.begin("zip").await;
    let part = bed.part("zip", &id, 1, b"part").await;
    let bed = bed.restart().await;
    assert_eq!(bed.get("a").await, b"kept");
    bed.complete("zip", &id, vec![part]).send().await.unwrap();
    assert_eq!(bed.get("zip").await, b"part");
}
