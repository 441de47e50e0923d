//! The cases of `cases/cases.tsv`: files as other software reported trouble with, and what they are developed into.

use std::{fmt::Write as _, path::PathBuf};

use develop::{Derivatives, Developed, Jpeg, Limits, develop};
use image::{DynamicImage, RgbImage, imageops};
use serde_json::{Value, json};

/// In dB: below it, a picture is another one. JPEG of quality 80 leaves 31 to 33 of the chart.
const ALIKE: f64 = 30.0;

/// Compares a case with its row; an error tells the difference.
fn look(file: &str, outcome: &str, picture: &str, facts: &Value) -> Result<(), String> {
    let original = std::fs::read(folder().join(file)).map_err(|error| error.to_string())?;
    let developed = match develop(&original, file, &Limits::default()) {
        Ok(developed) => developed,
        Err(error) if outcome == format!("refused:{}", error.code()) => return Ok(()),
        Err(error) => return Err(format!("refused: {}", error.code())),
    };
    let made = match &developed.derivatives {
        Derivatives::Made { preview, .. } => Some(preview),
        Derivatives::UnsupportedFormat => None,
    };
    if outcome != if made.is_some() { "made" } else { "unsupported" } {
        return Err(format!("has {} picture", if made.is_some() { "a" } else { "no" }));
    }
    if let Some(preview) = made
        && picture != "-"
    {
        let (ours, expected) = (decoded(preview), expected(picture)?);
        if ours.dimensions() != expected.dimensions() {
            return Err(format!("{:?} instead of {:?} pixels", ours.dimensions(), expected.dimensions()));
        }
        let psnr = psnr(&ours, &expected);
        if psnr < ALIKE {
            return Err(format!("{psnr:.1} dB"));
        }
    }
    let shown = shown(&developed);
    differences(facts, &shown).map_or(Ok(()), Err)
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("cases")
}

fn expected(picture: &str) -> Result<RgbImage, String> {
    let open = |name: &str| {
        let found = image::open(folder().join(name)).map_err(|error| format!("{name}: {error}"));
        found.map(DynamicImage::into_rgb8)
    };
    let chart = || open("chart.png");
    Ok(match picture {
        "chart" => chart()?,
        "turned" => imageops::rotate90(&chart()?),
        "half" => {
            let chart = chart()?;
            imageops::resize(&chart, chart.width() / 2, chart.height() / 2, imageops::FilterType::Triangle)
        }
        "double" => doubled(&chart()?),
        "double turned" => imageops::rotate90(&doubled(&chart()?)),
        other => open(other)?,
    })
}

fn doubled(chart: &RgbImage) -> RgbImage {
    imageops::resize(chart, chart.width() * 2, chart.height() * 2, imageops::FilterType::CatmullRom)
}

fn decoded(jpeg: &Jpeg) -> RgbImage {
    let decoder = mozjpeg::Decompress::new_mem(&jpeg.bytes).expect("a preview is a JPEG");
    let samples = decoder.rgb().expect("it is").read_scanlines().expect("it is whole");
    RgbImage::from_raw(jpeg.width, jpeg.height, samples).expect("of its size")
}

/// Peak signal-to-noise ratio in dB.
fn psnr(a: &RgbImage, b: &RgbImage) -> f64 {
    let squares: u64 = a.as_raw().iter().zip(b.as_raw()).map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2)).sum();
    let samples = u32::try_from(a.as_raw().len()).expect("small");
    #[expect(clippy::cast_precision_loss, reason = "a sum of some hundred thousand squares")]
    let mean = squares as f64 / f64::from(samples);
    10.0 * (255.0 * 255.0 / mean.max(1e-9)).log10()
}

fn shown(developed: &Developed) -> Value {
    json!({
        "content_type": developed.content_type,
        "dimensions": developed.dimensions,
        "orientation": developed.orientation,
        "exif": developed.exif,
    })
}

/// The first member that is not as expected.
fn differences(expected: &Value, shown: &Value) -> Option<String> {
    let Value::Object(members) = expected else {
        return (expected != shown).then(|| format!("{shown} instead of {expected}"));
    };
    members.iter().find_map(|(name, value)| {
        let found = shown.get(name).unwrap_or(&Value::Null);
        differences(value, found).map(|difference| format!("{name}: {difference}"))
    })
}

#[test]
fn each_case_is_developed_as_its_row_says() {
    let table = std::fs::read_to_string(folder().join("cases.tsv")).expect("a table");
    let (mut wrong, mut rows) = (String::new(), 0);
    for row in table.lines().skip(1) {
        let [file, outcome, picture, facts] = row.split('\t').collect::<Vec<_>>()[..] else { panic!("{row}") };
        let facts = serde_json::from_str(facts).unwrap_or_else(|error| panic!("{row}: {error}"));
        rows += 1;
        if let Err(difference) = look(file, outcome, picture, &facts) {
            let _ = writeln!(wrong, "{file}: {difference}");
        }
    }
    assert!(rows > 50, "{rows} rows are not the table");
    assert!(wrong.is_empty(), "of {rows} cases {} are wrong:\n{wrong}", wrong.lines().count());
}
