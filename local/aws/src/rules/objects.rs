//! Objects: reads, ranges, conditions, presigned URLs, lists.

use std::time::Duration;

use aws_sdk_s3::{
    error::ProvideErrorMetadata as _,
    presigning::PresigningConfig,
    primitives::ByteStream,
    types::{CompletedMultipartUpload, CompletedPart, CorsConfiguration, CorsRule},
};

use super::{Bed, bytes};

#[tokio::test]
async fn object_is_read_whole_in_ranges_with_headers() {
    let bed = Bed::new().await;
    let body = bytes(1, 300_000);
    let put = bed.s3.put_object().bucket("photos").key("a/b c").body(ByteStream::from(body.clone()));
    put.content_type("image/jpeg").metadata("k", "v").send().await.unwrap();
    let get = || bed.s3.get_object().bucket("photos").key("a/b c");
    let whole = get().send().await.unwrap();
    assert_eq!(whole.content_type(), Some("image/jpeg"));
    assert_eq!(whole.metadata().unwrap().get("k").map(String::as_str), Some("v"));
    assert_eq!(whole.body.collect().await.unwrap().to_vec(), body);
    for (range, expected, told) in [
        ("bytes=10-19", &body[10..20], "bytes 10-19/300000"),
        ("bytes=299990-", &body[299_990..], "bytes 299990-299999/300000"),
        ("bytes=-5", &body[299_995..], "bytes 299995-299999/300000"),
    ] {
        let part = get().range(range).send().await.unwrap();
        assert_eq!(part.content_range(), Some(told));
        assert_eq!(part.body.collect().await.unwrap().to_vec(), expected);
    }
    assert_eq!(refused!(get().range("bytes=300000-").send()), ("InvalidRange".to_owned(), 416));
    let named = get().response_content_disposition("attachment; filename=\"x\"").response_content_type("text/x");
    let named = named.send().await.unwrap();
    assert_eq!(named.content_disposition(), Some("attachment; filename=\"x\""));
    assert_eq!(named.content_type(), Some("text/x"));
}

#[tokio::test]
async fn missing_object_is_404() {
    let bed = Bed::new().await;
    assert_eq!(refused!(bed.s3.get_object().bucket("photos").key("x").send()), ("NoSuchKey".to_owned(), 404));
    assert_eq!(refused!(bed.s3.head_object().bucket("photos").key("x").send()).1, 404);
    assert_eq!(refused!(bed.s3.get_object().bucket("nobucket").key("x").send()), ("NoSuchBucket".to_owned(), 404));
    bed.s3.delete_object().bucket("photos").key("x").send().await.unwrap();
}

#[tokio::test]
async fn reads_are_conditional() {
    let bed = Bed::new().await;
    let e_tag = bed.put("a", b"one").await;
    let get = || bed.s3.get_object().bucket("photos").key("a");
    assert_eq!(refused!(get().if_match("\"other\"").send()), ("PreconditionFailed".to_owned(), 412));
    get().if_match(&e_tag).send().await.unwrap();
    assert_eq!(refused!(get().if_none_match(&e_tag).send()).1, 304);
    get().if_none_match("\"other\"").send().await.unwrap();
    assert_eq!(bed.get("a").await, b"one", "the connection still works after the 304");
}

#[tokio::test]
async fn one_of_concurrent_conditional_writers_wins() {
    let bed = Bed::new().await;
    let writers = (0..24).map(|seed| {
        let put = bed.s3.put_object().bucket("photos").key("only").if_none_match("*");
        put.body(ByteStream::from(bytes(seed, 100_000))).send()
    });
    let results = futures::future::join_all(writers).await;
    let winners: Vec<_> = (0_u8..).zip(&results).filter(|(_, result)| result.is_ok()).map(|(seed, _)| seed).collect();
    assert_eq!(winners.len(), 1);
    assert_eq!(bed.get("only").await, bytes(winners[0], 100_000));
    for result in results {
        if let Err(error) = result {
            assert_eq!(error.code(), Some("PreconditionFailed"));
        }
    }
}

#[tokio::test]
async fn keys_that_prefix_other_keys_stay_separate() {
    let bed = Bed::new().await;
    for key in ["a/b", "a", "a/", "A", "a//b", "ü ?#%+"] {
        bed.put(key, key.as_bytes()).await;
    }
    for key in ["a/b", "a", "a/", "A", "a//b", "ü ?#%+"] {
        assert_eq!(bed.get(key).await, key.as_bytes());
    }
}

#[tokio::test]
async fn presigned_put_binds_its_headers_and_expires() {
    let bed = Bed::new().await;
    let presign = |key: &str, seconds: u64, at: std::time::SystemTime| {
        let config =
            PresigningConfig::builder().expires_in(Duration::from_secs(seconds)).start_time(at).build().unwrap();
        let put = bed
            .s3
            .put_object()
            .bucket("photos")
            .key(key)
            .content_type("image/jpeg")
            .content_length(5)
            .if_none_match("*");
        async move { put.presigned(config).await.unwrap() }
    };
    let now = std::time::SystemTime::now();
    let http = reqwest::Client::new();
    let send = |request: &aws_sdk_s3::presigning::PresignedRequest, change: Option<(&str, &str)>, body: &str| {
        let mut put = http.put(request.uri());
        for (name, value) in request.headers() {
            let changed = change.filter(|(changed, _)| name.eq_ignore_ascii_case(changed)).map(|(_, value)| value);
            // The client counts its body itself.
            if !name.eq_ignore_ascii_case("content-length") && changed != Some("") {
                put = put.header(name, changed.unwrap_or(value));
            }
        }
        let put = put.body(body.to_owned());
        async move { put.send().await.unwrap().status().as_u16() }
    };
    let request = presign("a", 60, now).await;
    assert_eq!(send(&request, Some(("content-type", "text/html")), "12345").await, 403);
    assert_eq!(send(&request, Some(("if-none-match", "")), "12345").await, 403);
    assert_eq!(send(&request, None, "123456").await, 403);
    assert_eq!(send(&request, None, "12345").await, 200);
    assert_eq!(send(&request, None, "12345").await, 412);
    let old = presign("b", 60, now - Duration::from_secs(120)).await;
    assert_eq!(send(&old, None, "12345").await, 403);
    assert_eq!(http.get(format!("{}/photos/a", bed.stand_ins.endpoint())).send().await.unwrap().status(), 403);
}

#[tokio::test]
async fn unsigned_amz_header_on_presigned_put_is_refused() {
    let bed = Bed::new().await;
    let config = PresigningConfig::expires_in(Duration::from_secs(60)).unwrap();
    let put = bed.s3.put_object().bucket("photos").key("a").content_type("image/jpeg").content_length(5);
    let request = put.presigned(config).await.unwrap();
    let http = reqwest::Client::new();
    let send = async |name: &str, value: &str| {
        let put = http.put(request.uri()).header("content-type", "image/jpeg").header(name, value);
        let answer = put.body("12345").send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    for (name, value) in [
        ("x-amz-acl", "public-read"),
        ("x-amz-meta-a", "b"),
        ("x-amz-storage-class", "GLACIER"),
        ("x-amz-checksum-crc32", "AAAAAA=="),
    ] {
        let (status, body) = send(name, value).await;
        assert!(status == 403 && body.contains("<Code>AccessDenied</Code>"), "{name}: {status} {body}");
        assert!(body.contains("<Message>There were headers present in the request which were not signed</Message>"));
        assert!(body.contains(&format!("<HeadersNotSigned>{name}</HeadersNotSigned>")), "{body}");
    }
    assert_eq!(refused!(bed.s3.head_object().bucket("photos").key("a").send()).1, 404);
    assert_eq!(send("x-amz-content-sha256", "UNSIGNED-PAYLOAD").await.0, 200);
}

#[tokio::test]
async fn failed_condition_is_named() {
    let bed = Bed::new().await;
    bed.put("a", b"one").await;
    let body = |raw: Option<&aws_sdk_s3::config::http::HttpResponse>| {
        String::from_utf8_lossy(raw.unwrap().body().bytes().unwrap()).into_owned()
    };
    let put = bed.s3.put_object().bucket("photos").key("a").if_none_match("*").send().await.unwrap_err();
    let told = body(put.raw_response());
    assert!(told.contains("<Condition>If-None-Match</Condition>"), "{told}");
    let get = bed.s3.get_object().bucket("photos").key("a").if_match("\"0\"").send().await.unwrap_err();
    let told = body(get.raw_response());
    assert!(told.contains("<Condition>If-Match</Condition>"), "{told}");
}

#[tokio::test]
async fn responses_name_the_encryption() {
    use aws_sdk_s3::types::ServerSideEncryption;
    let bed = Bed::new().await;
    let by_s3 = Some(&ServerSideEncryption::Aes256);
    let put = bed.s3.put_object().bucket("photos").key("a").body(ByteStream::from_static(b"x")).send().await.unwrap();
    assert_eq!(put.server_side_encryption(), by_s3);
    let get = bed.s3.get_object().bucket("photos").key("a").send().await.unwrap();
    assert_eq!(get.server_side_encryption(), by_s3);
    let head = bed.s3.head_object().bucket("photos").key("a").send().await.unwrap();
    assert_eq!(head.server_side_encryption(), by_s3);
    let copy = bed.s3.copy_object().bucket("photos").key("b").copy_source("photos/a").send().await.unwrap();
    assert_eq!(copy.server_side_encryption(), by_s3);
    let begun = bed.s3.create_multipart_upload().bucket("photos").key("c").send().await.unwrap();
    assert_eq!(begun.server_side_encryption(), by_s3);
    let id = begun.upload_id().unwrap();
    let part = bed.s3.upload_part().bucket("photos").key("c").upload_id(id).part_number(1);
    let part = part.body(ByteStream::from_static(b"x")).send().await.unwrap();
    assert_eq!(part.server_side_encryption(), by_s3);
    let copy = bed.s3.upload_part_copy().bucket("photos").key("c").upload_id(id).part_number(1);
    let copy = copy.copy_source("photos/a").send().await.unwrap();
    assert_eq!(copy.server_side_encryption(), by_s3);
    let e_tag = copy.copy_part_result().and_then(|part| part.e_tag()).unwrap();
    let part = CompletedPart::builder().part_number(1).e_tag(e_tag).build();
    let parts = CompletedMultipartUpload::builder().parts(part).build();
    let done = bed.s3.complete_multipart_upload().bucket("photos").key("c").upload_id(id).multipart_upload(parts);
    assert_eq!(done.send().await.unwrap().server_side_encryption(), by_s3);
}

#[tokio::test]
async fn cut_off_body_stores_nothing() {
    use tokio::io::AsyncWriteExt;
    let bed = Bed::new().await;
    let config = PresigningConfig::expires_in(Duration::from_secs(60)).unwrap();
    let request = bed.s3.put_object().bucket("photos").key("cut").presigned(config).await.unwrap();
    let authority = bed.stand_ins.endpoint().trim_start_matches("http://").to_owned();
    let path = request.uri().split_once(&authority).unwrap().1.to_owned();
    let mut stream = tokio::net::TcpStream::connect(&authority).await.unwrap();
    let head = format!("PUT {path} HTTP/1.1\r\nhost: {authority}\r\ncontent-length: 1000000\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&vec![7; 500_000]).await.unwrap();
    drop(stream);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(refused!(bed.s3.get_object().bucket("photos").key("cut").send()).1, 404);
}

#[tokio::test]
async fn final_response_instead_of_continue_ends_the_connection() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let bed = Bed::new().await;
    let config = PresigningConfig::expires_in(Duration::from_secs(60)).unwrap();
    let request = bed.s3.put_object().bucket("photos").key("empty").presigned(config).await.unwrap();
    let authority = bed.stand_ins.endpoint().trim_start_matches("http://").to_owned();
    let path = request.uri().split_once(&authority).unwrap().1.to_owned();
    for (path, length, status) in [(path.as_str(), 0, "200 OK"), ("/photos/unsigned", 9, "403 Forbidden")] {
        let mut stream = tokio::net::TcpStream::connect(&authority).await.unwrap();
        let head = format!(
            "PUT {path} HTTP/1.1\r\nhost: {authority}\r\ncontent-length: {length}\r\nexpect: 100-continue\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut response = String::new();
        let read = tokio::time::timeout(Duration::from_secs(5), stream.read_to_string(&mut response));
        read.await.expect("the connection ends").unwrap();
        assert!(response.starts_with(&format!("HTTP/1.1 {status}")), "{response}");
        assert!(response.contains("\r\nconnection: close\r\n"), "{response}");
    }
    assert_eq!(bed.s3.head_object().bucket("photos").key("empty").send().await.unwrap().content_length(), Some(0));
}

#[tokio::test]
async fn page_of_allowed_origin_may_put() {
    let bed = Bed::new().await;
    let rule = CorsRule::builder().allowed_origins("http://shop").allowed_methods("PUT").allowed_headers("*");
    let rule = rule.expose_headers("ETag").build().unwrap();
    let cors = CorsConfiguration::builder().cors_rules(rule).build().unwrap();
    bed.s3.put_bucket_cors().bucket("photos").cors_configuration(cors).send().await.unwrap();
    let ask = |origin: &str| {
        let url = format!("{}/photos/a", bed.stand_ins.endpoint());
        let request = reqwest::Client::new().request(reqwest::Method::OPTIONS, url);
        let request = request.header("origin", origin).header("access-control-request-method", "PUT");
        request.header("access-control-request-headers", "content-type").send()
    };
    let allowed = ask("http://shop").await.unwrap();
    assert_eq!(allowed.status(), 200);
    assert_eq!(allowed.headers()["access-control-allow-origin"], "http://shop");
    assert_eq!(ask("http://else").await.unwrap().status(), 403);
    bed.s3.delete_bucket_cors().bucket("photos").send().await.unwrap();
    assert_eq!(ask("http://shop").await.unwrap().status(), 403);
}

#[tokio::test]
async fn listing_returns_all_pages() {
    let bed = Bed::new().await;
    for number in 0..7 {
        bed.put(&format!("p/{number}"), b"x").await;
    }
    bed.put("q", b"x").await;
    let mut pages = bed.s3.list_objects_v2().bucket("photos").prefix("p/").max_keys(3).into_paginator().send();
    let mut keys = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        keys.extend(page.contents().iter().map(|object| object.key().unwrap().to_owned()));
    }
    assert_eq!(keys, (0..7).map(|number| format!("p/{number}")).collect::<Vec<_>>());
}
