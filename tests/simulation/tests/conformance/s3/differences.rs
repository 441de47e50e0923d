//! Known differences between the model and other services.

use crate::transcript::{Difference, difference};

const WHOLE: &str = "ok \"0123456789\" Some(10) None Some(\"image/jpeg\") Some(\"no-store\") Some({\"k\": \"v w\"})";
const IGNORED: &str = "S3 ignores ranges that it does not understand, and lists of ranges.";
const TOKENS: &str = "LocalStack cannot decode its token of a key that is not ASCII.";
const PARTS: &str = "Each listed part must have its checksum (API_CompleteMultipartUpload).";

/// Checks to which the stand-in responds differently.
pub const STAND_IN: &[Difference] = &[
    difference("bucket: create again", "ok", "In us-east-1 the owner can create a bucket again (API_CreateBucket)."),
    difference("put: malformed CRC-32", "400 InvalidRequest", "A checksum of the wrong length is invalid, not wrong."),
    difference("put: malformed MD5", "400 InvalidDigest", "A digest of the wrong length is invalid (ErrorResponses)."),
    difference("put: two checksums", "400 InvalidRequest", "S3 accepts a single checksum header."),
    difference("range: bytes=5-4", WHOLE, IGNORED),
    difference("range: bytes=0-1,3-4", WHOLE, IGNORED),
    difference("range: items=0-1", WHOLE, IGNORED),
    difference(
        "range: bytes=-1 of nothing",
        "ok \"\" Some(0) None Some(\"application/octet-stream\") None Some({})",
        "No Content-Range can describe a range of nothing (RFC 9110, section 14.4).",
    ),
    difference(
        "range: head",
        "ok Some(3) Some(\"bytes 2-4/10\")",
        "HEAD responds with the headers of GET (API_HeadObject).",
    ),
    difference(
        "delete many: missing bucket",
        "404 NoSuchBucket BucketName=no-such-bucket",
        "The error of a missing bucket is that of the request, not of each key.",
    ),
    difference(
        "create: full SHA-256",
        "400 InvalidRequest",
        "SHA-256 has no full-object checksums (checking-object-integrity).",
    ),
    difference("part: another algorithm", "400 InvalidRequest", "The algorithm must be the upload's (API_UploadPart)."),
    difference(
        "part copy: range behind the end",
        "400 InvalidRequest",
        "A range without any byte of the source has an error of its own (as LocalStack's, whose tests ran on S3).",
    ),
    difference("small: checksum of another algorithm", "400 BadDigest", "The object has no such checksum."),
    difference(
        "small: If-None-Match, deleted since the creation",
        "409 ConditionalRequestConflict Condition=If-None-Match Key=zip",
        "A deletion during the upload conflicts with the condition (API_CompleteMultipartUpload).",
    ),
    difference(
        "presigned get: unknown access key",
        "403 InvalidAccessKeyId",
        "The code of an unknown key (ErrorResponses).",
    ),
];

/// Checks to which LocalStack responds differently.
pub const LOCALSTACK: &[Difference] = &[
    difference(
        "put: wrong CRC-32, object kept",
        "ok \"0123456789\" Some(10) None Some(\"application/octet-stream\") None Some({})",
        "LocalStack overwrites the bytes of an object before it refuses the new ones.",
    ),
    difference("get: If-Match *", "ok", "An existing object matches * (RFC 9110, section 13.1.1)."),
    difference("range: items=0-1", WHOLE, IGNORED),
    difference("delete many: 1,001 keys", "400 MalformedXML", "A request has at most 1,000 keys (API_DeleteObjects)."),
    difference("list: max-keys 0", "ok [] [] true Some(0) Some(0) Some(false) false", "LocalStack takes 0 as unset."),
    difference(
        "list: max-keys 5,000",
        "ok [(\"A\", 1), (\"a\", 1), (\"a/1\", 3), (\"a/2\", 3), (\"a/b/1\", 5), (\"b\", 1), (\"b/1\", 3), (\"c d\", 3), \
         (\"é\", 2)] [] true Some(9) Some(1000) Some(false) false",
        "A page has at most 1,000 keys (API_ListObjectsV2).",
    ),
    difference("list: invalid token", "400 InvalidArgument", "LocalStack fails to decode the token."),
    difference("list: pages of 2, page 5", "ok [(\"é\", 2)] [] true Some(1) Some(2) Some(false) false", TOKENS),
    difference(
        "list: pages of 1 with delimiter, page 7",
        "ok [(\"é\", 2)] [] true Some(1) Some(1) Some(false) false",
        TOKENS,
    ),
    difference(
        "part copy: range of a small source",
        "400 InvalidRequest",
        "A range needs a source of more than 5 MB (API_UploadPartCopy).",
    ),
    difference(
        "complete: the same part twice",
        "400 InvalidPartOrder UploadId",
        "Part numbers must ascend (API_CompleteMultipartUpload).",
    ),
    difference("complete: no checksum of a part", "400 InvalidRequest", PARTS),
    difference("complete: no checksum of a part, upload left", "ok", PARTS),
    difference(
        "complete: no parts",
        "400 MalformedXML",
        "The schema has at least one part; ceph/s3-tests expects this code.",
    ),
    difference("presigned get: If-None-Match *", "304", "An existing object matches * (RFC 9110, section 13.1.2)."),
    difference("presigned get: no signature", "403 AccessDenied", "LocalStack lets anonymous requests pass."),
    difference(
        "presigned get: unknown access key",
        "403 InvalidAccessKeyId",
        "The code of an unknown key (ErrorResponses).",
    ),
];
