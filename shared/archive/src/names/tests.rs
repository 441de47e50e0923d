use proptest::{collection::vec, prelude::*};
use unicode_normalization::is_nfc;

use super::*;

fn names<'a>(reference: &str, filenames: impl IntoIterator<Item = &'a str>) -> EntryNames {
    EntryNames::new(reference, filenames.into_iter().map(|filename| OriginalName { filename, content_type: None }))
}

fn files<'a>(filenames: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    names("Order", filenames).files
}

fn file(filename: &str) -> String {
    files([filename]).remove(0)
}

fn jpeg(filename: &str) -> String {
    EntryNames::new("", [OriginalName { filename, content_type: Some("image/jpeg") }]).files.remove(0)
}

#[test]
fn ordinary_names_stay_as_they_are() {
    for name in ["IMG_0001.JPG", "Anna & Ben – Kuß (42).jpg", "東京 一.tiff", "a.b.c.cr3", "no extension", "½ Ω.jpg"]
    {
        assert_eq!(file(name), name);
    }
    let paths: Vec<String> = names("2024-17", ["a.jpg"]).files().collect();
    assert_eq!(paths, ["2024-17/a.jpg"]);
    assert_eq!(names("2024-17", []).manifest(), "2024-17/manifest.json");
}

#[test]
fn name_never_leads_out_of_its_folder() {
    assert_eq!(file("../../etc/passwd"), "_.._etc_passwd");
    assert_eq!(file(r"C:\Windows\system32\x.jpg"), "C__Windows_system32_x.jpg");
    assert_eq!(file("/absolute.jpg"), "_absolute.jpg");
    assert_eq!(file("a\u{FF0F}b\u{2215}c.jpg"), "a_b_c.jpg");
    assert_eq!(names("2024/17\\b", []).folder(), "2024_17_b");
    for nothing in ["..", ".", " . . ", "", "\u{200B}"] {
        assert_eq!((file(nothing).as_str(), names(nothing, []).folder()), ("photo", "Order"));
    }
}

#[test]
fn characters_refused_by_windows_are_replaced() {
    assert_eq!(file(r#"a<b>c:d"e|f?g*.jpg"#), "a_b_c_d_e_f_g_.jpg");
    assert_eq!(file("trailing.jpg. . "), "trailing.jpg");
    assert_eq!(file(" .hidden.jpg"), "hidden.jpg");
    assert_eq!(file("\u{F022}x.jpg"), "_x.jpg");
}

#[test]
fn device_names_of_windows_get_an_underscore() {
    for name in ["con", "CON.jpg", "nul.tar.gz", "Com1.jpg", "COM¹.jpg", "lpt³", "aux .jpg", "CONIN$.x", "COM0"] {
        assert_eq!(file(name), format!("_{name}"));
    }
    for name in ["CONTRACT.jpg", "COM.jpg", "COM10.jpg", "x.con", "LPT⁴.jpg"] {
        assert_eq!(file(name), name);
    }
    let padded = format!("CON{}x.jpg", " ".repeat(300));
    assert_eq!(file(&padded), "_CON.jpg", "cutting does not make a device");
}

#[test]
fn invisible_characters_are_removed() {
    assert_eq!(file("evil\u{202E}gpj.exe"), "evilgpj.exe");
    assert_eq!(file("a\u{200B}\u{FEFF}\u{AD}\r\n\t\0\u{7F}\u{85}\u{2028}b\u{E0041}.jpg"), "ab.jpg");
}

#[test]
fn names_are_composed() {
    assert_eq!(file("Mu\u{308}ller.jpg"), "M\u{FC}ller.jpg");
    assert_eq!(file("u\u{200B}\u{308}.jpg"), "\u{FC}.jpg", "a mark joins its letter across what was left out");
}

#[test]
fn missing_or_wrong_extension_follows_content_type() {
    assert_eq!(jpeg(""), "photo.jpg");
    assert_eq!(jpeg("DSC1"), "DSC1.jpg");
    for misnamed in ["DSC1.png", "DSC1.HEIC", "DSC1.Tiff", "DSC1.nef"] {
        assert_eq!(jpeg(misnamed), "DSC1.jpg");
    }
    for kept in ["DSC1.JPG", "DSC1.jpeg", "DSC1.x", "1.5"] {
        assert_eq!(jpeg(kept), kept);
    }
    for (filename, content_type, expected) in [
        ("DSC1.tif", "image/x-nikon-nef", "DSC1.nef"),
        ("DSC1.tif", "image/x-dcraw", "DSC1.tif"),
        ("DSC1.nrw", "image/x-nikon-nef", "DSC1.nrw"),
        ("DSC1.jpg", "image/jxl", "DSC1.jxl"),
        ("DSC1.jpg", "video/mp4", "DSC1.mp4"),
        ("DSC1.MOV", "video/mp4", "DSC1.MOV"),
        ("DSC1.psb", "image/vnd.adobe.photoshop", "DSC1.psb"),
    ] {
        let name = OriginalName { filename, content_type: Some(content_type) };
        assert_eq!(EntryNames::new("", [name]).files, [expected], "{filename} as {content_type}");
    }
    let heif = OriginalName { filename: "x.heic", content_type: Some("image/heif") };
    assert_eq!(EntryNames::new("", [heif]).files, ["x.heic"]);
    let raw = |filename| OriginalName { filename, content_type: Some("image/x-nikon-nef") };
    // Viewers open RAW files with the extension of another RAW format.
    assert_eq!(EntryNames::new("", [raw("a.tif"), raw("b.NRW")]).files, ["a.nef", "b.NRW"]);
    assert_eq!(jpeg(".jpeg"), "photo.jpeg");
    assert_eq!(jpeg(".JPG"), "photo.JPG");
    assert_eq!(jpeg("Anna. Ben"), "Anna. Ben.jpg");
    let unknown = OriginalName { filename: "x", content_type: Some("application/octet-stream") };
    assert_eq!(EntryNames::new("", [unknown]).files, ["x"]);
    let with_parameter = OriginalName { filename: "x", content_type: Some("Image/TIFF; q=1") };
    assert_eq!(EntryNames::new("", [with_parameter]).files, ["x.tif"]);
}

#[test]
fn long_names_are_cut_and_keep_their_extension() {
    assert_eq!(file(&format!("{}.jpeg", "x".repeat(300))), format!("{}.jpeg", "x".repeat(195)));
    assert_eq!(file(&format!("{}.jpg", "é".repeat(300))), format!("{}.jpg", "é".repeat(98)));
    // Each letter has a mark that NFC cannot compose: 3 bytes that stay together.
    assert_eq!(file(&"x\u{323}\u{302}".repeat(100)).len(), 200);
    let marked = file(&format!("{}.jpg", "q\u{323}".repeat(100)));
    assert_eq!(marked, format!("{}.jpg", "q\u{323}".repeat(65)));
    assert!(file(&format!("x{}.jpg", "\u{323}".repeat(300))).len() <= 200);
    assert_eq!(file(&format!("{} . y.jpg", "x".repeat(194))), format!("{}.jpg", "x".repeat(194)));
    assert_eq!(names(&"o".repeat(300), []).folder().len(), 200);
}

#[test]
fn equal_names_are_numbered_around_existing_names() {
    assert_eq!(
        files(["a.jpg", "A.JPG", "a.jpg", "a (2).jpg", "b", "B"]),
        ["a.jpg", "A (3).JPG", "a (4).jpg", "a (2).jpg", "b", "B (2)"]
    );
    let long = format!("{}.jpg", "x".repeat(196));
    assert_eq!(files([&*long, &*long]), [long.clone(), format!("{} (2).jpg", "x".repeat(192))]);
}

#[test]
fn names_equal_on_file_systems_are_numbered() {
    for (one, other) in [("Kuß", "KUSS"), ("ΣΊΣΥΦΟΣ", "σίσυφος"), ("É", "e\u{301}"), ("ﬀ", "FF"), ("K", "k")]
    {
        assert_eq!(files([one, other]).len(), 2);
        assert_eq!(files([one, other])[1].rsplit_once(' ').map(|(_, suffix)| suffix), Some("(2)"), "{one} {other}");
    }
}

#[test]
fn every_character_equals_its_own_other_cases() {
    for c in '\0'..='\u{1FFFF}' {
        let [same, lower, upper] = [c.to_string(), c.to_lowercase().collect(), c.to_uppercase().collect()];
        assert_eq!(caseless(&same), caseless(&lower), "{c} {lower}");
        assert_eq!(caseless(&same), caseless(&upper), "{c} {upper}");
    }
}

#[test]
fn manifest_name_is_reserved() {
    assert_eq!(files(["Manifest.JSON", "manifest.json"]), ["Manifest (2).JSON", "manifest (3).json"]);
}

#[test]
fn thousands_of_equal_names_take_no_time() {
    let long: Vec<String> = (0..2_000).map(|n| format!("{}{n:04}.jpg", "x".repeat(192))).collect();
    let names = files(long.iter().chain(&long).map(String::as_str).chain(std::iter::repeat_n("a.jpg", 2_000)));
    assert_eq!(names.iter().map(|name| caseless(name)).collect::<HashSet<_>>().len(), 6_000);
    assert_eq!(names.last().map(String::as_str), Some("a (2000).jpg"));
}

/// Arbitrary text in which dangerous characters are frequent.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => any::<char>().prop_map(String::from),
        4 => proptest::sample::select(vec![
            ".", " ", "/", "\\", "..", ":", "con", "COM¹", "nul.", ".jpg", "photo", "manifest.json", "\u{202E}", "\u{301}",
            "\u{200D}", "\u{338}", "<", "é", "ß", "İ", "ı", "ﬃ", "\u{345}", "\u{1F469}\u{1F3FD}", " (2)", "a", "A", "\0",
        ]).prop_map(str::to_owned),
        1 => ("[a-z \u{323}]", 1_usize..260).prop_map(|(piece, times): (String, usize)| piece.repeat(times)),
    ];
    vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn check_safe(name: &str) -> Result<(), TestCaseError> {
    prop_assert!(!name.is_empty() && name.len() <= safe::MAX_NAME_BYTES, "length of {:?}", name);
    prop_assert!(is_nfc(name), "normal form of {:?}", name);
    prop_assert!(!name.contains(['/', '\\', '<', '>', ':', '"', '|', '?', '*']), "forbidden in {:?}", name);
    prop_assert!(!name.chars().any(char::is_control), "control in {:?}", name);
    let invisible = ['\u{200B}', '\u{200D}', '\u{200E}', '\u{202A}', '\u{202E}', '\u{2066}', '\u{2069}', '\u{FEFF}'];
    prop_assert!(!name.contains(invisible), "invisible in {:?}", name);
    prop_assert!(!name.starts_with(['.', ' ']) && !name.ends_with(['.', ' ']), "edges of {:?}", name);
    prop_assert!(!safe::is_device(name), "device {:?}", name);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn any_names_become_safe_unique_and_stay_so(
        reference in hostile(), filenames in vec(hostile(), 0..12), content_type in proptest::option::of(Just("image/jpeg"))
    ) {
        let name = |filenames: &[String], reference: &str| {
            EntryNames::new(reference, filenames.iter().map(|filename| OriginalName { filename, content_type }))
        };
        let once = name(&filenames, &reference);
        check_safe(&once.folder)?;
        once.files.iter().try_for_each(|file| check_safe(file))?;
        prop_assert_eq!(once.files.len(), filenames.len());

        for fold in [str::to_lowercase, str::to_uppercase, caseless] {
            let mut seen = HashSet::from([fold(MANIFEST)]);
            for file in &once.files {
                prop_assert!(seen.insert(fold(&file.nfc().collect::<String>())), "{:?} twice", file);
            }
        }
        prop_assert_eq!(&name(&filenames, &reference), &once, "deterministic");
        prop_assert_eq!(&name(&once.files, &once.folder), &once, "idempotent");
    }
}

#[test]
fn every_character_alone_becomes_safe() {
    // Plane 0, musical symbols and tags. The other planes contain letters, private use and unassigned code points.
    for c in ('\0'..='\u{FFFF}').chain('\u{1D100}'..='\u{1D1FF}').chain('\u{E0000}'..='\u{E0FFF}') {
        for raw in [c.to_string(), format!("a{c}.jpg"), format!("{c}\u{338}")] {
            let name = safe::file_name(&raw, FILE, None);
            check_safe(&name).expect("safe");
            assert_eq!(safe::file_name(&name, FILE, None), name, "idempotent");
        }
    }
}
