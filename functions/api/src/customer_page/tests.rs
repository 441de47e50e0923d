use std::collections::BTreeSet;

use domain::{
    language::Language,
    studio_face::{Accent, Logo},
};
use insta::assert_snapshot;

use super::{
    view::{Progress, days, minutes},
    *,
};

/// Markup in every text of a page.
const HOSTILE: &str = "<b>&\"'</script>";

fn picture() -> Picture {
    Picture { url: "https://b.test/p?a=1&b=<b>".into(), width: 400, height: 267 }
}

fn face(text: &str) -> Face {
    Face {
        name: Some(text.into()),
        logo: Some(Logo { url: format!("https://api.test/logos/{text}.png"), width: 80, height: 40 }),
        accent: Some(Accent {
            light: "#005500".into(),
            on_light: "#ffffff".into(),
            dark: "#88ff88".into(),
            on_dark: "#000000".into(),
        }),
        contact: Some(text.into()),
        message: Some(text.into()),
        footer: Some(text.into()),
    }
}

fn ready(text: &str, volumes: usize, photos: usize) -> Ready {
    let volume = |number| Volume {
        size: format!("{number} GB"),
        photos: 2,
        first: (volumes > 1).then(|| text.to_owned()),
        last: (volumes > 1).then(|| format!("{text}2")),
    };
    let tile = |number| Tile { number, name: text.into(), thumb: (number % 2 == 1).then(picture) };
    Ready {
        other: (volumes == 2).then_some("web"),
        volumes: (1..=volumes).map(volume).collect(),
        is_zip: true,
        minutes: 7,
        expires: Some("17 June 2026".into()),
        days_left: 6,
        left: Some(3),
        tiles: (1..=photos).map(tile).collect(),
        page: 2,
        pages: 3,
        first: 101,
        last: 200,
    }
}

/// Returns a page of each state whose texts are `text`, with the number of its buttons.
fn states(text: &str) -> Vec<(State, usize)> {
    let photo = |preview: Option<Picture>| Photo {
        number: 2,
        name: text.into(),
        size: "3 MB".into(),
        content_type: text.into(),
        other: preview.is_none().then(|| ("original", "9 MB".to_owned())),
        preview,
    };
    let started = Started { name: text.into(), href: "https://api.test/f".into(), back: "https://api.test/d/t".into() };
    vec![
        (State::Ready(ready(text, 1, 3)), 1),
        (State::Ready(ready(text, 2, 0)), 3),
        (State::Photo { photo: photo(Some(picture())), page: 1 }, 1),
        (State::Photo { photo: photo(None), page: 1 }, 2),
        (State::Started { started }, 0),
        (State::Processing(Progress { done: 1, total: 4, percent: 25, notify: true }), 1),
        (State::Failed, 0),
        (State::Pin { refused: None }, 1),
        (State::Pin { refused: Some(PinRefused::Wrong) }, 1),
        (State::Pin { refused: Some(PinRefused::TooMany) }, 1),
        (State::Pin { refused: Some(PinRefused::Locked) }, 0),
        (State::Expired { can_ask: true }, 1),
        (State::Expired { can_ask: false }, 0),
        (State::Spent { can_ask: true }, 1),
        (State::Asked { renewed: true }, 0),
        (State::Asked { renewed: false }, 0),
        (State::Revoked, 0),
        (State::Erased, 0),
        (State::Missing, 0),
        (State::NoOtherSize, 0),
        (State::Unknown, 0),
        (State::Busy, 0),
        (State::Error, 0),
    ]
}

fn page(language: Language, state: State, text: &str) -> Page {
    Page {
        language: language.tag(),
        studio: face(text),
        home: "https://api.test/d/t".into(),
        reference: text.into(),
        photo_count: 3,
        size: "3 GB".into(),
        state,
    }
}

#[test]
fn every_state_renders_in_every_language_escaped() {
    let mut headings = BTreeSet::new();
    for language in Language::ALL {
        for (state, buttons) in states(HOSTILE) {
            let name = format!("{state:?}");
            let html = page(language, state, HOSTILE).try_render().expect("renders");
            assert!(!html.contains("<b>"), "{name}: {html}");
            assert_eq!(html.matches("</script>").count(), 1, "{name}: {html}");
            assert!(html.contains(&format!("<html lang=\"{}\">", language.tag())), "{name}: {html}");
            assert_eq!(html.matches("<button").count(), buttons, "{name}");
            let (_, heading) = html.split_once("<h1>").expect("a heading, as it is");
            headings.insert(heading.split_once("</h1>").expect("an end").0.to_owned());
        }
    }
    // Two samples each of `ready`, `photo` and `expired`, and four of `pin`, of which the locked one has a heading of its
    // own. Both of `asked` have one.
    let expected = (states("").len() - 5) * Language::ALL.len();
    assert_eq!(headings.len(), expected, "each says it in its own words: {headings:?}");
}

#[test]
fn page_of_a_studio_without_a_profile_has_no_empty_parts() {
    for (state, _) in states("x") {
        let name = format!("{state:?}");
        let html =
            Page { studio: Face::default(), ..page(Language::English, state, "x") }.try_render().expect("renders");
        for part in ["<header", "<footer", "class=\"contact\"", "class=\"message\""] {
            assert!(!html.contains(part), "{name}: {html}");
        }
    }
}

/// Returns the part of a page that its state determines.
fn main_part(state: State) -> String {
    let html = page(Language::English, state, "A <& 1").try_render().expect("renders");
    let (_, rest) = html.split_once("<main").expect("a main part");
    rest.split_once("</main>").expect("its end").0.to_owned()
}

#[test]
fn ready_page_has_a_button_for_each_archive_and_a_tile_for_each_photo() {
    assert_snapshot!(main_part(State::Ready(ready("A <& 1", 2, 2))));
}

#[test]
fn photo_page_has_a_form_for_the_file() {
    let (photo, _) = states("A <& 1").swap_remove(2);
    assert_snapshot!(main_part(photo));
}

#[test]
fn processing_page_shows_the_progress() {
    assert_snapshot!(main_part(State::Processing(Progress { done: 1, total: 4, percent: 25, notify: false })));
}

#[test]
fn durations_are_those_of_a_usual_line() {
    for (bytes, expected) in
        [(0, 0), (187_499_999, 0), (187_500_000, 1), (3_750_000_000, 10), (u64::MAX, 6_148_914_691)]
    {
        assert_eq!(minutes(bytes), expected, "{bytes}");
    }
}

#[test]
fn days_left_are_whole_days() {
    let at = |second| jiff::Timestamp::from_second(second).expect("in range");
    for (then, expected) in [(0, 0), (86_399, 0), (86_400, 1), (7 * 86_400, 7), (-1, -1)] {
        assert_eq!(days(at(0), at(then)), expected, "{then}");
    }
}
