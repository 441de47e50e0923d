//! Estimates of a plan's requests, bytes, seconds and dollars.

use std::ops::AddAssign;

use archive::{Layout, Piece};

use super::{Object, Origin, Part, PartPlan, Stretch};

/// Costs of requests, bytes and time.
#[derive(Debug, Clone, Copy)]
pub struct Costs {
    /// Dollars per PUT, COPY, POST or LIST request; DELETE and abort are free.
    pub put: f64,
    /// Dollars per other request.
    pub get: f64,
    /// Dollars per second of a function with 1 GB.
    pub gb_second: f64,
    /// Memory of the function in GB.
    pub memory_gb: f64,
    /// Seconds until S3 responds to a request, or sends the first byte.
    pub small_request: f64,
    /// Least seconds of a copy.
    pub copy_request: f64,
    /// Bytes per second that S3 copies within one request.
    pub copy_speed: f64,
    /// Bytes per second between S3 and a function, in each direction.
    pub function_speed: f64,
    /// Number of concurrent requests.
    pub at_once: f64,
    /// Seconds per part that S3 needs to complete an upload.
    pub complete_part: f64,
}

impl Costs {
    /// Prices: <https://aws.amazon.com/s3/pricing/> (Standard, us-east-1) and <https://aws.amazon.com/lambda/pricing/>
    /// (arm64), both as of 2026. Times: those of a copy reproduce the published run of awslabs/amazon-s3-tar-tool
    /// (14,400 objects, 73 GB, 100 concurrent requests, 135 s, in its README), with the slope of awslabs/aws-c-s3#288.
    /// Streaming through a function reaches 75 MB/s.
    pub const AWS: Self = Self {
        put: 0.005 / 1_000.0,
        get: 0.0004 / 1_000.0,
        gb_second: 0.000_013_333_4,
        memory_gb: 1.0,
        small_request: 0.060,
        copy_request: 0.310,
        copy_speed: 75e6,
        function_speed: 75e6,
        at_once: 200.0,
        complete_part: 0.000_5,
    };

    fn copy(&self, bytes: u64) -> f64 {
        self.copy_request + float(bytes) / self.copy_speed
    }
}

/// Numbers of requests by kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Requests {
    /// `GetObject`.
    pub get: u64,
    /// `PutObject` and `UploadPart`.
    pub put: u64,
    /// `UploadPartCopy`.
    pub copy: u64,
    /// `CreateMultipartUpload`.
    pub create: u64,
    /// `CompleteMultipartUpload`.
    pub complete: u64,
}

impl Requests {
    /// Returns the number of requests that are billed as PUT.
    pub fn put_class(&self) -> u64 {
        self.put + self.copy + self.create + self.complete
    }

    /// Returns the price of the requests in dollars.
    pub fn dollars(&self, costs: &Costs) -> f64 {
        float(self.put_class()) * costs.put + float(self.get) * costs.get
    }
}

/// Estimate of a plan.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Estimate {
    /// Requests by kind.
    pub requests: Requests,
    /// Bytes that the function receives, without headers.
    pub bytes_in: u64,
    /// Bytes that the function sends.
    pub bytes_out: u64,
    /// Seconds from the first request to the last response.
    pub seconds: f64,
    /// Dollars for requests and the function's time. Storage of a few minutes and writes of records are not included.
    pub dollars: f64,
}

impl Estimate {
    /// Estimates this plan for this layout.
    pub fn of<S>(plan: &PartPlan, layout: &Layout<S>, costs: &Costs) -> Self {
        let mut sum = Sum { layout, costs, plan, requests: Requests::default(), bytes: Bytes::default() };
        let mut pads = Times::default();
        for pad in &plan.pads {
            pads += sum.object(pad);
        }
        let Times { longest, all } = sum.parts(&plan.parts);
        let single = matches!(plan.parts[..], [Part::Upload(_)]);
        if !single {
            sum.requests.create += 1;
            sum.requests.complete += 1;
        }
        let transfer = float(sum.bytes.received.max(sum.bytes.sent)) / costs.function_speed;
        // Each of these bounds alone is a minimum duration; the longest one determines the estimate.
        let bounds = [(pads.all + all) / costs.at_once, pads.longest + longest, transfer, sum.bytes.held];
        let ends = if single { 0.0 } else { 2.0 * costs.small_request };
        let seconds =
            bounds.into_iter().fold(0.0, f64::max) + ends + float(plan.parts.len() as u64) * costs.complete_part;
        let dollars = sum.requests.dollars(costs) + seconds * costs.memory_gb * costs.gb_second;
        let Bytes { received, sent, .. } = sum.bytes;
        Self { requests: sum.requests, bytes_in: received, bytes_out: sent, seconds, dollars }
    }
}

/// Seconds of several requests: of the longest chain, and of all together.
#[derive(Default)]
struct Times {
    longest: f64,
    all: f64,
}

impl AddAssign<(f64, f64)> for Times {
    fn add_assign(&mut self, (all, chain): (f64, f64)) {
        self.longest = self.longest.max(chain);
        self.all += all;
    }
}

#[derive(Default)]
struct Bytes {
    received: u64,
    sent: u64,
    /// Seconds of the uploads if only memory limits them.
    held: f64,
}

struct Sum<'a, S> {
    layout: &'a Layout<S>,
    costs: &'a Costs,
    plan: &'a PartPlan,
    requests: Requests,
    bytes: Bytes,
}

impl<S> Sum<'_, S> {
    fn parts(&mut self, parts: &[Part]) -> Times {
        let mut times = Times::default();
        for part in parts {
            times += self.part(part);
        }
        times
    }

    /// Returns the seconds of all requests of a part, and of its longest chain of dependent requests.
    fn part(&mut self, part: &Part) -> (f64, f64) {
        match part {
            Part::Upload(stretches) => self.upload(stretches),
            Part::Copy { from, range } => {
                self.requests.copy += 1;
                let copy = self.costs.copy(range.end - range.start);
                match from {
                    Origin::Entry(_) | Origin::Pad(_) => (copy, copy),
                    Origin::Work(object) => {
                        let (all, chain) = self.object(object);
                        (all + copy, chain + copy)
                    }
                }
            }
        }
    }

    fn object(&mut self, object: &Object) -> (f64, f64) {
        let Times { longest, all } = self.parts(&object.parts);
        let ends = if matches!(object.parts[..], [Part::Upload(_)]) {
            0.0
        } else {
            self.requests.create += 1;
            self.requests.complete += 1;
            2.0 * self.costs.small_request
        };
        (all + ends, longest + ends)
    }

    fn upload(&mut self, stretches: &[Stretch]) -> (f64, f64) {
        let (mut fetched, mut gets, mut len) = (0, 0, 0);
        for stretch in stretches {
            len += stretch.len();
            let Stretch::Archive(range) = stretch else { continue };
            for piece in self.layout.pieces(range.clone()) {
                if let Piece::Body { range, .. } = piece {
                    gets += 1;
                    fetched += range.end - range.start;
                }
            }
        }
        self.requests.get += gets;
        self.requests.put += 1;
        self.bytes.received += fetched;
        self.bytes.sent += len;
        let fetch = if gets > 0 { self.costs.small_request } else { 0.0 };
        let transfer = float(fetched + len) / self.costs.function_speed;
        let wait = fetch + self.costs.small_request;
        self.bytes.held += (wait + transfer) * float(len) / float(self.plan.buffers.total);
        (float(gets) * self.costs.small_request + self.costs.small_request, wait + transfer)
    }
}

fn float(number: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    let float = number as f64;
    float
}
