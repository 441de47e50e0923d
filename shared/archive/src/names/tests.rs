use domain::{language::Language, photo::FileType};
use proptest::{collection::vec, prelude::*};
use unicode_normalization::is_nfc;

use super::*;

fn names<'a>(reference: &str, filenames: impl IntoIterator<Item = &'a str>) -> EntryNames {
    let order = OrderNames::new(reference, Language::English);
    EntryNames::new(&order, filenames.into_iter().map(|filename| OriginalName { filename, content_type: None }))
}

fn files<'a>(filenames: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    names("1", filenames).files
}

fn file(filename: &str) -> String {
    file_name(OriginalName { filename, content_type: None })
}

fn typed(filename: &str, content_type: &str) -> String {
    file_name(OriginalName { filename, content_type: Some(content_type) })
}

fn jpeg(filename: &str) -> String {
    typed(filename, "image/jpeg")
}

#[test]
fn ordinary_names_stay_as_they_are() {
    for name in ["IMG_0001.JPG", "Anna & Ben – Kuß (42).jpg", "東京 一.tiff", "a.b.c.cr3", "no extension", "½ Ω.jpg"]
    {
        assert_eq!(file(name), name);
    }
    let paths: Vec<String> = names("2024-17", ["a.jpg"]).files().collect();
    assert_eq!(paths, ["Order-2024-17/a.jpg"]);
    assert_eq!(names("2024-17", []).manifest(), "Order-2024-17/manifest.json");
}

#[test]
fn name_never_leads_out_of_its_folder() {
    assert_eq!(file("../../etc/passwd"), "_.._etc_passwd");
    assert_eq!(file(r"..\..\boot.jpg"), "_.._boot.jpg");
    assert_eq!(file("a\u{FF0F}b\u{2215}c.jpg"), "a_b_c.jpg");
    assert_eq!(names("2024/17\\b", []).folder(), "Order-2024_17_b");
    for nothing in ["..", ".", " . . ", "", "\u{200B}", "/", r"C:\"] {
        assert_eq!(file(nothing), "photo");
    }
}

#[test]
fn path_of_client_becomes_its_last_segment() {
    for path in [
        r"C:\Users\anna\Pictures\Tulips.jpg",
        r"C:\fakepath\Tulips.jpg",
        "D:/Fotos/Tulips.jpg",
        r"c:\mixed/slashes\Tulips.jpg",
        r"\\server\share\Tulips.jpg",
        r"\Tulips.jpg",
        "/home/anna/Tulips.jpg",
        "/Tulips.jpg",
        // Explorer's dialog of properties puts an invisible mark before a path that is copied from it.
        "\u{202A}C:\\Users\\anna\\Tulips.jpg",
        " /home/anna/Tulips.jpg ",
        r"C:\Users\anna\Tulips.jpg\",
    ] {
        assert_eq!(jpeg(path), "Tulips.jpg", "{path}");
    }
    for (name, expected) in [
        (r"a/b\c.jpg", "a_b_c.jpg"),
        ("a/b/c.jpg", "a_b_c.jpg"),
        ("1/2 moon.jpg", "1_2 moon.jpg"),
        (r"a\b.jpg", "a_b.jpg"),
        ("C:x.jpg", "C_x.jpg"),
        (r"ab:\x.jpg", "ab__x.jpg"),
    ] {
        assert_eq!(jpeg(name), expected);
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
fn characters_changed_by_clients_are_replaced() {
    assert_eq!(file("100%.jpg"), "100_.jpg");
    assert_eq!(file("a%2Fb%41.jpg"), "a_2Fb_41.jpg");
    assert_eq!(file("~$a~b.jpg"), "_$a~b.jpg");
    assert_eq!(file("a.b~"), "a.b_");
    assert_eq!(jpeg("a~"), "a~.jpg");
    assert_eq!(file("~"), "_");
}

#[test]
fn device_names_of_windows_get_an_underscore() {
    assert_eq!(jpeg("aux"), "_aux.jpg");
    for name in ["con", "CON.jpg", "nul.tar.gz", "Com1.jpg", "COM¹.jpg", "lpt³", "aux .jpg", "CONIN$.x", "COM0"] {
        assert_eq!(file(name), format!("_{name}"));
    }
    for name in ["CONTRACT.jpg", "COM.jpg", "COM10.jpg", "x.con", "LPT⁴.jpg"] {
        assert_eq!(file(name), name);
    }
    assert_eq!(safe::part("CON x", 100, 3), "_CO", "cutting does not make a device");
}

#[test]
fn invisible_characters_are_removed() {
    assert_eq!(file("evil\u{202E}gpj.exe"), "evilgpj.exe");
    assert_eq!(file("a\u{200B}\u{FEFF}\u{AD}\r\n\t\0\u{7F}\u{85}\u{2028}b\u{E0041}.jpg"), "ab.jpg");
}

#[test]
fn joiners_stay_where_they_shape() {
    for name in ["Familie 👨\u{200D}👩\u{200D}👧 ❤\u{FE0F}.jpg", "می\u{200C}خواهم.jpg", "क्\u{200D}ष.jpg"]
    {
        assert_eq!(file(name), name);
    }
    assert_eq!(file("IMG\u{200D}_\u{200C}1\u{FE0F}.jpg"), "IMG_1.jpg");
    assert_eq!(file("می\u{200C}.jpg"), "می.jpg");
    let twins = files(["خانه\u{200C}ها.jpg", "خانهها.jpg"]);
    assert_eq!(twins, ["خانه\u{200C}ها.jpg", "خانهها (2).jpg"], "HFS+ ignores joiners");
}

#[test]
fn spaces_are_single() {
    assert_eq!(file("a  b\u{A0}c\u{202F} d.jpg"), "a b c d.jpg");
    assert_eq!(file("東京\u{3000}一.jpg"), "東京\u{3000}一.jpg");
}

#[test]
fn names_are_composed() {
    assert_eq!(file("Mu\u{308}ller.jpg"), "M\u{FC}ller.jpg");
    assert_eq!(file("u\u{200B}\u{308}.jpg"), "\u{FC}.jpg", "a mark joins its letter across what was left out");
}

#[test]
fn extension_says_what_the_bytes_are() {
    for (filename, content_type, expected) in [
        // None, or that of another type.
        ("", "image/jpeg", "photo.jpg"),
        ("DSC1", "image/jpeg", "DSC1.jpg"),
        ("DSC1.png", "image/jpeg", "DSC1.jpg"),
        ("DSC1.HEIC", "image/jpeg", "DSC1.jpg"),
        ("DSC1.nef", "image/jpeg", "DSC1.jpg"),
        ("DSC1.CR3", "image/jpeg", "DSC1.jpg"),
        ("anim.gif", "image/jpeg", "anim.jpg"),
        ("DSC1.jpg", "image/jxl", "DSC1.jxl"),
        ("DSC1.jpg", "video/mp4", "DSC1.mp4"),
        ("x", "Image/TIFF; q=1", "x.tif"),
        // A right one, as it is written.
        ("DSC1.JPG", "image/jpeg", "DSC1.JPG"),
        ("DSC1.jpeg", "image/jpeg", "DSC1.jpeg"),
        ("DSC1.jfif", "image/jpeg", "DSC1.jfif"),
        ("x.heic", "image/heif", "x.heic"),
        ("DSC1.MOV", "video/mp4", "DSC1.MOV"),
        ("DSC1.psb", "image/vnd.adobe.photoshop", "DSC1.psb"),
        // RAW formats share extensions, and are TIFF inside.
        ("DSC1.tif", "image/x-nikon-nef", "DSC1.nef"),
        ("DSC1.NRW", "image/x-nikon-nef", "DSC1.NRW"),
        ("DSC1.NEF", "image/tiff", "DSC1.NEF"),
        ("DSC1.DNG", "image/tiff", "DSC1.DNG"),
        ("DSC1.CR3", "image/x-canon-cr3", "DSC1.CR3"),
        ("DSC1.tif", "image/x-dcraw", "DSC1.tif"),
        // What is no extension of a picture stays, and the extension follows.
        ("1.5", "image/jpeg", "1.5.jpg"),
        ("gpj.exe", "image/jpeg", "gpj.exe.jpg"),
        ("Anna. Ben", "image/jpeg", "Anna. Ben.jpg"),
        (".jpeg", "image/jpeg", "photo.jpeg"),
        (".JPG", "image/jpeg", "photo.JPG"),
        (".png", "image/jpeg", "photo.jpg"),
        ("foto.jpg. .", "image/jpeg", "foto.jpg"),
        // Nothing is known about the bytes.
        ("x", "application/octet-stream", "x"),
        ("x.doc", "application/octet-stream", "x.doc"),
    ] {
        assert_eq!(typed(filename, content_type), expected, "{filename} as {content_type}");
    }
}

#[test]
fn files_are_served_as_their_extension_says() {
    for (name, expected) in [
        ("x.JPG", "image/jpeg"),
        ("x.jfif", "image/jpeg"),
        ("x.png", "image/png"),
        ("x.heif", "image/heif"),
        ("x.MOV", "video/quicktime"),
        ("A-17 1 of 3.zip", "application/zip"),
        ("x.NEF", "application/octet-stream"),
        ("x.psb", "application/octet-stream"),
        ("x.3g2", "application/octet-stream"),
        ("x.html", "application/octet-stream"),
        ("x", "application/octet-stream"),
    ] {
        assert_eq!(served_content_type(name), expected, "{name}");
    }
}

#[test]
fn names_made_equal_by_extension_are_numbered() {
    let order = OrderNames::new("1", Language::English);
    let twins = ["x.png", "x.jpg", "X.tif"].map(|filename| OriginalName { filename, content_type: Some("image/jpeg") });
    assert_eq!(EntryNames::new(&order, twins).files, ["x.jpg", "x (2).jpg", "X (3).jpg"]);
}

#[test]
fn long_names_are_cut_and_keep_their_extension() {
    assert_eq!(file(&format!("{}.jpeg", "x".repeat(300))), format!("{}.jpeg", "x".repeat(145)));
    assert_eq!(file(&format!("{}.jpg", "é".repeat(300))), format!("{}.jpg", "é".repeat(73)));
    // Each letter has a mark that NFC cannot compose: 3 bytes that stay together.
    assert_eq!(file(&"x\u{323}\u{302}".repeat(100)).len(), 150);
    let marked = file(&format!("{}.jpg", "q\u{323}".repeat(100)));
    assert_eq!(marked, format!("{}.jpg", "q\u{323}".repeat(48)));
    let families = jpeg(&"👨\u{200D}👩\u{200D}👧".repeat(40));
    assert_eq!(families, format!("{}.jpg", "👨\u{200D}👩\u{200D}👧".repeat(8)), "18 bytes that stay together");
    assert!(file(&format!("x{}.jpg", "\u{323}".repeat(300))).len() <= 150);
    assert_eq!(file(&format!("{} . y.jpg", "x".repeat(144))), format!("{}.jpg", "x".repeat(144)));
}

/// Returns the length of the longest path at which Explorer's "Extract All" puts a file of the archive by default.
fn longest_path(archive: &str, names: &EntryNames) -> usize {
    let downloads = format!(r"C:\Users\{}\Downloads", "u".repeat(20));
    let folder = archive.strip_suffix(".zip").expect("a ZIP");
    let path = |file: String| format!(r"{downloads}\{folder} (1)\{}", file.replace('/', r"\"));
    names.files().chain([names.manifest()]).map(|file| path(file).encode_utf16().count()).max().unwrap_or_default()
}

#[test]
fn extracted_paths_stay_below_260() {
    let name = format!("{}.jpg", "x".repeat(300));
    for letter in ["o", "東", "😀"] {
        for length in [1, 25, 50, 100] {
            for language in Language::ALL {
                let order = OrderNames::new(&letter.repeat(length), language);
                let long = || [name.as_str(); 2].map(|filename| OriginalName { filename, content_type: None });
                let names = EntryNames::new(&order, long());
                assert!(longest_path(&order.archive(), &names) < 260, "{names:?}");
                let names = EntryNames::for_volumes(&order, long(), 100);
                assert!(longest_path(&order.volume(100, 100), &names) < 260, "{names:?}");
                assert!(names.files.iter().all(|name| name.len() >= 80), "{names:?}");
            }
        }
    }
}

#[test]
fn order_is_named_in_language_of_customer() {
    let named = |reference: &str| {
        Language::ALL.map(|language| {
            let names = OrderNames::new(reference, language);
            [names.folder().to_owned(), names.archive(), names.volume(1, 3)]
        })
    };
    assert_eq!(
        named("A-17"),
        [
            ["Order-A-17", "A-17.zip", "A-17 1 of 3.zip"],
            ["Bestellung-A-17", "A-17.zip", "A-17 1 von 3.zip"],
            ["Commande-A-17", "A-17.zip", "A-17 1 sur 3.zip"],
        ]
    );
    for nothing in ["", "..", "\u{200B}"] {
        let expected = [["Order", "Order.zip"], ["Bestellung", "Bestellung.zip"], ["Commande", "Commande.zip"]];
        assert_eq!(named(nothing).map(|[folder, archive, _]| [folder, archive]), expected);
    }
}

#[test]
fn reference_makes_legal_names() {
    for (reference, folder, archive) in [
        ("A-17.", "Order-A-17", "A-17.zip"),
        ("A-17 . .", "Order-A-17", "A-17.zip"),
        ("../Order: 1", "Order-.._Order_ 1", "_Order_ 1.zip"),
        (r"C:\x", "Order-C__x", "C__x.zip"),
        ("aux", "Order-aux", "_aux.zip"),
        (".5", "Order-.5", "5.zip"),
        ("A\u{202E}17", "Order-A17", "A17.zip"),
    ] {
        let names = OrderNames::new(reference, Language::English);
        assert_eq!((names.folder(), names.archive().as_str()), (folder, archive), "{reference}");
    }
}

#[test]
fn equal_names_are_numbered_around_existing_names() {
    assert_eq!(
        files(["a.jpg", "A.JPG", "a.jpg", "a (2).jpg", "b", "B"]),
        ["a.jpg", "A (3).JPG", "a (4).jpg", "a (2).jpg", "b", "B (2)"]
    );
    let long = format!("{}.jpg", "x".repeat(146));
    assert_eq!(files([&*long, &*long]), [long.clone(), format!("{} (2).jpg", "x".repeat(142))]);
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
    let long: Vec<String> = (0..2_000).map(|n| format!("{}{n:04}.jpg", "x".repeat(142))).collect();
    let names = files(long.iter().chain(&long).map(String::as_str).chain(std::iter::repeat_n("a.jpg", 2_000)));
    assert_eq!(names.iter().map(|name| caseless(name)).collect::<HashSet<_>>().len(), 6_000);
    assert_eq!(names.last().map(String::as_str), Some("a (2000).jpg"));
}

/// Arbitrary text in which dangerous characters are frequent.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => any::<char>().prop_map(String::from),
        4 => proptest::sample::select(vec![
            ".", " ", "/", "\\", "..", ":", "con", "COM¹", "nul.", ".jpg", ".png", ".NEF", ".x", "photo", "manifest.json",
            "\u{202E}", "\u{301}", "\u{200D}", "\u{200C}", "\u{FE0F}", "\u{338}", "<", "é", "ß", "İ", "ı", "ﬃ", "\u{345}",
            "\u{1F469}\u{1F3FD}", "👨\u{200D}👩", "❤\u{FE0F}", "می", "ء", "\u{64E}", "क", "\u{94D}", "\u{93C}", "\u{E0067}",
            " (2)", "a", "A", "1", "%", "~", "\0", "C:\\", "\u{A0}", "\u{3000}",
        ]).prop_map(str::to_owned),
        1 => ("[a-z \u{323}東]", 1_usize..260).prop_map(|(piece, times): (String, usize)| piece.repeat(times)),
    ];
    vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn content_type() -> impl Strategy<Value = Option<&'static str>> {
    proptest::option::of(proptest::sample::select(vec!["image/jpeg", "image/png", "image/tiff", "image/x-nikon-nef"]))
}

fn check_safe(name: &str) -> Result<(), TestCaseError> {
    prop_assert!(!name.is_empty() && name.len() <= MAX_NAME_BYTES, "length of {:?}", name);
    prop_assert!(is_nfc(name), "normal form of {:?}", name);
    prop_assert!(!name.contains(['/', '\\', '<', '>', ':', '"', '|', '?', '*', '%']), "forbidden in {:?}", name);
    prop_assert!(!name.chars().any(char::is_control), "control in {:?}", name);
    let invisible = ['\u{200B}', '\u{200E}', '\u{202A}', '\u{202E}', '\u{2066}', '\u{2069}', '\u{FEFF}'];
    prop_assert!(!name.contains(invisible), "invisible in {:?}", name);
    prop_assert_eq!(joiners::without_strays(name), name, "joiners that shape nothing");
    prop_assert!(!name.starts_with(['.', ' ', '~']) && !name.ends_with(['.', ' ', '~']), "edges of {:?}", name);
    prop_assert!(!safe::is_device(name), "device {:?}", name);
    Ok(())
}

fn check_extension(name: &str, content_type: Option<&str>) -> Result<(), TestCaseError> {
    let Some(actual) = content_type.and_then(FileType::of_content_type) else { return Ok(()) };
    let named = name.rsplit_once('.').and_then(|(_, extension)| FileType::of_extension(extension));
    let is_right = match (named.map(|named| named.content_type), actual.content_type) {
        (Some(named), "image/tiff") => named == "image/tiff" || named.starts_with("image/x-"),
        (Some(named), "image/x-nikon-nef") => named.starts_with("image/x-"),
        (named, actual) => named == Some(actual),
    };
    prop_assert!(is_right, "{:?} as {:?}", name, content_type);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn any_name_becomes_safe_and_stays_so(filename in hostile(), content_type in content_type()) {
        let once = file_name(OriginalName { filename: &filename, content_type });
        check_safe(&once)?;
        check_extension(&once, content_type)?;
        prop_assert_eq!(file_name(OriginalName { filename: &once, content_type }), once, "idempotent");
    }

    #[test]
    fn any_names_become_safe_unique_and_stay_so(
        reference in hostile(),
        filenames in vec(hostile(), 0..12),
        content_type in content_type(),
        language in proptest::sample::select(Language::ALL.to_vec()),
        volumes in 1_usize..4,
    ) {
        let order = OrderNames::new(&reference, language);
        let archive = if volumes > 1 { order.volume(volumes, volumes) } else { order.archive() };
        let name = |filenames: &[String]| {
            let files = filenames.iter().map(|filename| OriginalName { filename, content_type });
            if volumes > 1 { EntryNames::for_volumes(&order, files, volumes) } else { EntryNames::new(&order, files) }
        };
        let once = name(&filenames);
        check_safe(&archive)?;
        check_safe(archive.trim_end_matches(".zip"))?;
        check_safe(&once.folder)?;
        for file in &once.files {
            check_safe(file)?;
            check_extension(file, content_type)?;
        }
        prop_assert_eq!(once.files.len(), filenames.len());
        prop_assert!(longest_path(&archive, &once) < 260);

        for fold in [str::to_lowercase, str::to_uppercase, caseless] {
            let mut seen = HashSet::from([fold(MANIFEST)]);
            for file in &once.files {
                prop_assert!(seen.insert(fold(&file.nfc().collect::<String>())), "{:?} twice", file);
            }
        }
        prop_assert_eq!(&name(&filenames), &once, "deterministic");
        prop_assert_eq!(&name(&once.files), &once, "idempotent");
    }
}

#[test]
fn every_character_alone_becomes_safe() {
    // Plane 0, musical symbols and tags. The other planes contain letters, private use and unassigned code points.
    for c in ('\0'..='\u{FFFF}').chain('\u{1D100}'..='\u{1D1FF}').chain('\u{E0000}'..='\u{E0FFF}') {
        for raw in [c.to_string(), format!("a{c}.jpg"), format!("{c}\u{338}"), format!("{c}\u{200C}{c}\u{200D}{c}")] {
            let name = file(&raw);
            check_safe(&name).expect("safe");
            assert_eq!(file(&name), name, "idempotent");
        }
    }
}
