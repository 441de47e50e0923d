//! Archives that S3 assembled, extracted by common programs. The test compares the extracted files with the originals,
//! because listing and testing an archive can succeed where extraction fails.
//!
//! `cargo test -p tests -- --ignored extractors`; requires unzip, 7zz, bsdtar and python3.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom, Write},
    path::Path,
    process::{Command, Stdio},
    sync::atomic::AtomicBool,
};

use api_types::DownloadWithFiles;
use archive::{Entry, Layout, Modified, contents::Source, crc::RunningCrc32};
use archive_builder::{
    assemble::{Assembly, Place, ResumeState, Unwritten},
    plan::{PartPlan, Preference, cost::Costs},
    uploads::{Checksums, Uploads},
};
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use domain::ObjectKey;
use runtime::objects::ObjectStore;
use serde_json::json;
use tests::{HOSTILE_NAMES, TestApp, jpeg};
use uuid::Uuid;

const MIB: u64 = 1 << 20;

/// Programs that extract `archive.zip`, run in an empty folder beside it.
const EXTRACTORS: [(&str, &[&str]); 4] = [
    ("unzip", &["-q", "../archive.zip"]),
    ("7zz", &["x", "-bso0", "-bsp0", "../archive.zip"]),
    ("bsdtar", &["-xf", "../archive.zip"]),
    ("python3", &["-m", "zipfile", "-e", "../archive.zip", "."]),
];

/// Programs that write a file of `archive.zip` to standard output. The file's name follows.
const PRINTERS: [(&str, &[&str]); 4] = [
    ("unzip", &["-p", "archive.zip"]),
    ("7zz", &["x", "-so", "-bsp0", "archive.zip"]),
    ("bsdtar", &["-xOf", "archive.zip"]),
    ("python3", &["-c", PRINT, "archive.zip"]),
];
const PRINT: &str = "import shutil, sys, zipfile; archive, name = sys.argv[1:]; \
                     shutil.copyfileobj(zipfile.ZipFile(archive).open(name), sys.stdout.buffer, 1 << 20)";

/// Extracts `folder/archive.zip` with each program, and passes the result to `check` before it is deleted.
fn extract_with_each(folder: &Path, check: impl Fn(&str, &Path)) {
    for (program, arguments) in EXTRACTORS {
        let out = folder.join(program);
        std::fs::create_dir(&out).unwrap();
        let run = Command::new(program).args(arguments).current_dir(&out).env("LC_ALL", "C.UTF-8").output();
        let run = run.unwrap_or_else(|error| panic!("{program} is not installed: {error}"));
        let said = String::from_utf8_lossy(&run.stdout).into_owned() + &String::from_utf8_lossy(&run.stderr);
        assert!(run.status.success() && said.is_empty(), "{program}: {} {said}", run.status);
        check(program, &out);
        std::fs::remove_dir_all(&out).unwrap();
    }
}

fn count_files(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries.map(|entry| if entry.path().is_dir() { count_files(&entry.path()) } else { 1 }).sum()
}

/// Compares size and CRC-32 of what each program prints for a file of `folder/archive.zip`. Nothing is stored, so the
/// file may be larger than the free disk space.
fn print_with_each(folder: &Path, name: &str, expected: (u64, u32)) {
    for (program, arguments) in PRINTERS {
        let mut command = Command::new(program);
        command.args(arguments).arg(name).current_dir(folder).env("LC_ALL", "C.UTF-8").stdout(Stdio::piped());
        let mut run = command.spawn().unwrap_or_else(|error| panic!("{program} is not installed: {error}"));
        let printed = crc32_of(run.stdout.take().unwrap());
        let status = run.wait().unwrap();
        assert!(status.success(), "{program}: {status}");
        assert_eq!(printed, expected, "{program}: {name}");
    }
}

fn crc32_of(mut bytes: impl Read) -> (u64, u32) {
    let mut buffer = vec![0; 1 << 20];
    let (mut size, mut crc32) = (0, RunningCrc32::new());
    loop {
        match bytes.read(&mut buffer).unwrap() {
            0 => return (size, crc32.value()),
            read => {
                crc32.update(&buffer[..read]);
                size += read as u64;
            }
        }
    }
}

/// Assembles these entries in the store, and writes the archive to `folder/archive.zip`. Zeros become holes, which take
/// no disk space.
async fn assemble(app: &TestApp, entries: Vec<Entry<Source>>, folder: &Path) -> Layout<Source> {
    let layout = Layout::new(entries).unwrap();
    let plan = PartPlan::new(&layout, Preference::Fast, &Costs::AWS).unwrap();
    let place = Place { studio: "anna".parse().unwrap(), download: Uuid::new_v4(), build: 1, volume: None };
    let key = place.archive().to_string();
    let originals = ObjectStore::new(app.s3().clone(), "photos");
    let uploads = Uploads::new(app.s3().clone(), "downloads", "photos", Checksums::FullObject);
    let got_on = AtomicBool::new(false);
    let assembly = Assembly::new((&layout, &plan), place, (&originals, &uploads), ResumeState::default(), &got_on);
    assembly.run(&Unwritten).await.unwrap_or_else(|error| panic!("{error}"));
    let mut body = app.s3().get_object().bucket("downloads").key(key).send().await.unwrap().body;
    let mut archive = File::create(folder.join("archive.zip")).unwrap();
    while let Some(chunk) = body.try_next().await.unwrap() {
        if chunk.iter().all(|&byte| byte == 0) {
            archive.seek(SeekFrom::Current(chunk.len().try_into().unwrap())).unwrap();
        } else {
            archive.write_all(&chunk).unwrap();
        }
    }
    archive.set_len(layout.size()).unwrap();
    layout
}

fn modified() -> Modified {
    Modified::taken("2024-06-15T14:30:05", Some("+02:00")).unwrap()
}

fn original(n: u128) -> ObjectKey {
    ObjectKey::Original { studio: "anna".parse().unwrap(), photo: Uuid::from_u128(n) }
}

fn source(n: u128, etag: &str) -> Source {
    Source { photo: Uuid::from_u128(n), filename: format!("{n}.jpg"), key: original(n), etag: etag.to_owned() }
}

/// Stores bytes as an original, and returns its ETag.
async fn put(app: &TestApp, n: u128, bytes: &[u8]) -> String {
    let put = app.s3().put_object().bucket("photos").key(original(n).to_string()).body(bytes.to_vec().into());
    put.send().await.unwrap().e_tag.unwrap()
}

fn noise(seed: u64, len: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()
    };
    let mut bytes: Vec<u8> = (0..len.div_ceil(8)).flat_map(|_| next()).collect();
    bytes.truncate(usize::try_from(len).unwrap());
    bytes
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs extractors"]
async fn hostile_names_are_extracted_without_loss() {
    let app = TestApp::start().await;
    let long = "lang".repeat(75);
    let mut originals = Vec::new();
    let mut ids = Vec::new();
    for (n, name) in (1_u32..).zip(HOSTILE_NAMES.into_iter().chain([long.as_str()])) {
        let bytes = jpeg(n, 60, 40);
        ids.push(app.ready_photo("anna", name, &bytes).await);
        originals.push(bytes);
    }
    let order = app.order("anna", "../CON: \u{202e}1", &ids).await;
    let (download, link) = app.download("anna", &order, json!({ "notify": false })).await;
    let shown: DownloadWithFiles = app.get("anna", &format!("/downloads/{}", download.id)).await.view();
    let files = shown.files.unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("archive.zip"), app.fetch(&link).await.unwrap()).unwrap();
    extract_with_each(folder.path(), |program, out| {
        assert_eq!(count_files(out), originals.len() + 1, "{program}");
        for (file, original) in files.iter().zip(&originals) {
            let name = &file.name;
            assert!(std::fs::read(out.join(name)).unwrap() == *original, "{program}: {name}");
        }
    });
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs extractors"]
async fn archive_over_four_gibibytes_extracts_without_loss() {
    let app = TestApp::start().await;
    // Copies of one block, mostly holes. The store keeps the block once, and every reader gets 4.1 GiB.
    let mut block = vec![0; 64 << 20];
    for (n, mebibyte) in (1..).zip(block.chunks_mut(1 << 20)) {
        mebibyte[..4096].copy_from_slice(&noise(n, 4096));
    }
    let block_crc32 = crc32fast::hash(&block);
    put(&app, 1, &block).await;
    let s3 = app.s3();
    let key = original(2).to_string();
    let begun = s3.create_multipart_upload().bucket("photos").key(&key).send().await.unwrap();
    let id = begun.upload_id.unwrap();
    let (mut parts, mut crc32) = (Vec::new(), RunningCrc32::new());
    for number in 1..=66 {
        let copy = s3.upload_part_copy().bucket("photos").key(&key).upload_id(&id).part_number(number);
        let copied = copy.copy_source(format!("photos/{}", original(1))).send().await.unwrap();
        let etag = copied.copy_part_result.unwrap().e_tag.unwrap();
        parts.push(CompletedPart::builder().part_number(number).e_tag(etag).build());
        crc32.append(block_crc32, 64 * MIB);
    }
    let upload = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
    let complete = s3.complete_multipart_upload().bucket("photos").key(&key).upload_id(&id).multipart_upload(upload);
    let giant = complete.send().await.unwrap().e_tag.unwrap();

    let (small, large) = (noise(3, 100_000), noise(4, 7 * MIB));
    let (small_etag, large_etag) = (put(&app, 3, &small).await, put(&app, 4, &large).await);
    let stored = |name: &str, bytes: &[u8], source| {
        Entry::stored(format!("Order-1/{name}"), modified(), bytes.len() as u64, crc32fast::hash(bytes), source)
    };
    let entries = vec![
        stored("1.jpg", &small, source(3, &small_etag)),
        Entry::stored("Order-1/giant.tif", modified(), 66 * 64 * MIB, crc32.value(), source(2, &giant)),
        stored("2.jpg", &large, source(4, &large_etag)),
        stored("3.jpg", &small, source(3, &small_etag)),
    ];
    let folder = tempfile::tempdir().unwrap();
    let layout = assemble(&app, entries, folder.path()).await;
    assert!(layout.size() > 4 << 30);
    drop(app);
    for entry in layout.entries() {
        print_with_each(folder.path(), entry.name(), (entry.size(), entry.crc32()));
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs extractors"]
async fn archive_over_65_535_files_extracts_without_loss() {
    let app = TestApp::start().await;
    let bytes = noise(5, 100);
    let etag = put(&app, 5, &bytes).await;
    let crc32 = crc32fast::hash(&bytes);
    let entries =
        (0..66_000).map(|n| Entry::stored(format!("Order-1/{n}.jpg"), modified(), 100, crc32, source(5, &etag)));
    let folder = tempfile::tempdir().unwrap();
    let layout = assemble(&app, entries.collect(), folder.path()).await;
    extract_with_each(folder.path(), |program, out| {
        assert_eq!(count_files(out), 66_000, "{program}");
        for entry in layout.entries() {
            assert!(std::fs::read(out.join(entry.name())).unwrap() == bytes, "{program}: {}", entry.name());
        }
    });
}
