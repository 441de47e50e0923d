//! The landscapes of the demo's photos: sky, sun, hills and grain, computed from a seed.
//!
//! Every pixel follows from the seed, so two runs upload the same bytes. The grain makes the files as large as photos:
//! flat drawings compress to almost nothing.

use std::f32::consts::TAU;

use crate::{camera::Orientation, noise::hash};

/// The number of ridges of hills behind one another.
const RIDGES: usize = 4;

/// Draws the stored RGB pixels of a photo of `width` x `height`. The image is upright once `orientation` is applied:
/// the sky is at the top, so a wrongly rotated preview is visible.
pub fn draw(width: u32, height: u32, orientation: Orientation, seed: u32) -> Vec<u8> {
    let (upright_width, upright_height) = orientation.upright(width, height);
    let scene = Scene::new(upright_width, upright_height, seed);
    let mut pixels = Vec::with_capacity(width as usize * height as usize * 3);
    for y in 0..height {
        for x in 0..width {
            let (across, down) = orientation.upright_position(x, y, width, height);
            pixels.extend_from_slice(&scene.pixel(across, down));
        }
    }
    pixels
}

struct Scene {
    width: f32,
    height: f32,
    seed: u32,
    sky_top: [f32; 3],
    sky_low: [f32; 3],
    ground: [f32; 3],
    /// Centre and radius in pixels.
    sun: (f32, f32, f32),
    /// The top of each ridge per column, from the farthest to the nearest.
    ridges: [Vec<f32>; RIDGES],
}

impl Scene {
    #[expect(clippy::cast_precision_loss, reason = "pixel positions stay far below 2^24, where f32 is exact")]
    fn new(width: u32, height: u32, seed: u32) -> Self {
        let (columns, width, height) = (width, width as f32, height as f32);
        let pick = |salt: u32| unit(hash(seed, salt, 0x51ed));
        let ridges = std::array::from_fn(|ridge| {
            let depth = ridge as f32 / RIDGES as f32;
            let base = height * (0.48 + 0.42 * depth);
            let swing = height * (0.05 + 0.04 * depth);
            let phase = pick(40 + u32::try_from(ridge).unwrap_or(0)) * TAU;
            (0..columns)
                .map(|column| {
                    let t = column as f32 / width * (5.0 + 3.0 * depth) + phase;
                    base - swing * (t.sin() + 0.5 * (2.3 * t + phase).sin() + 0.22 * (6.1 * t).sin())
                })
                .collect()
        });
        Self {
            width,
            height,
            seed,
            sky_top: [40.0 + 60.0 * pick(1), 70.0 + 60.0 * pick(2), 150.0 + 70.0 * pick(3)],
            sky_low: [220.0 + 30.0 * pick(4), 170.0 + 60.0 * pick(5), 130.0 + 80.0 * pick(6)],
            ground: [40.0 + 60.0 * pick(7), 60.0 + 60.0 * pick(8), 40.0 + 40.0 * pick(9)],
            sun: (width * (0.2 + 0.6 * pick(10)), height * (0.15 + 0.2 * pick(11)), width.min(height) * 0.06),
            ridges,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "pixel positions stay far below 2^24, where f32 is exact")]
    fn pixel(&self, across: u32, down: u32) -> [u8; 3] {
        let (x, y) = (across as f32, down as f32);
        let nearest = self.ridges.iter().rposition(|ridge| ridge.get(across as usize).is_some_and(|top| y >= *top));
        let colour = match nearest {
            Some(ridge) => {
                // Distant ridges fade into the sky's colour, like haze.
                let haze = 0.75 - 0.75 * (ridge as f32 + 1.0) / RIDGES as f32;
                mix(self.ground, self.sky_low, haze)
            }
            None => self.sky(x, y),
        };
        let noise = hash(self.seed, across, down);
        let strength = if nearest.is_some() { 14.0 } else { 5.0 };
        let light = 1.0 - 0.25 * (x / self.width - 0.5).powi(2) * 4.0;
        let grain = (unit(noise) - 0.5) * strength;
        colour.map(|channel| to_byte(channel * light + grain))
    }

    fn sky(&self, x: f32, y: f32) -> [f32; 3] {
        let sky = mix(self.sky_top, self.sky_low, (y / (self.height * 0.7)).min(1.0));
        let (sun_x, sun_y, radius) = self.sun;
        let distance = ((x - sun_x).powi(2) + (y - sun_y).powi(2)).sqrt();
        let glow = if distance < radius { 1.0 } else { (radius / distance).powi(2) * 0.8 };
        mix(sky, [255.0, 246.0, 214.0], glow)
    }
}

fn mix(from: [f32; 3], to: [f32; 3], share: f32) -> [f32; 3] {
    std::array::from_fn(|channel| from[channel] + (to[channel] - from[channel]) * share)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to a byte just before")]
fn to_byte(value: f32) -> u8 {
    value.clamp(0.0, 255.0) as u8
}

/// Returns a number in 0..=1 from a hash.
fn unit(hash: u32) -> f32 {
    f32::from(u16::try_from(hash >> 16).unwrap_or(u16::MAX)) / f32::from(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_seed_draws_the_same_photo() {
        assert_eq!(draw(60, 40, Orientation::Upright, 3), draw(60, 40, Orientation::Upright, 3));
        assert_ne!(draw(60, 40, Orientation::Upright, 3), draw(60, 40, Orientation::Upright, 4));
    }

    #[test]
    fn turned_photo_contains_the_same_picture() {
        // Stored as 40 x 60 and shown as 60 x 40: the first upright pixel lies in the lower left corner.
        let upright = draw(60, 40, Orientation::Upright, 9);
        let turned = draw(40, 60, Orientation::QuarterRight, 9);
        let lower_left = (59 * 40) * 3;
        assert_eq!(upright[..3], turned[lower_left..lower_left + 3]);
    }
}
