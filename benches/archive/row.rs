//! The results: rows as JSON, a table for people.

use serde::Serialize;

/// Requests by kind.
#[derive(Debug, Clone, Default, Serialize, PartialEq, Eq)]
pub struct Requests {
    pub get: u64,
    pub head: u64,
    pub put: u64,
    pub copy: u64,
    pub create: u64,
    pub complete: u64,
    pub list: u64,
    pub delete: u64,
}

impl Requests {
    /// Returns the number of requests that are billed as PUT.
    pub fn put_class(&self) -> u64 {
        self.put + self.copy + self.create + self.complete + self.list
    }
}

/// The medians of one tool in one case over one network.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    pub case: String,
    pub network: String,
    pub tool: String,
    pub wall_s: f64,
    pub cpu_s: f64,
    pub peak_mb: f64,
    pub bytes_in: u64,
    pub bytes_out: u64,
    pub archive_bytes: u64,
    pub requests: Requests,
    pub dollars: f64,
}

/// Prints the rows as a table.
pub fn print(rows: &[Row]) {
    println!(
        "\n| case | network | tool | wall s | CPU s | peak MB | MB in | MB out | moved per byte | GET | PUT-class | dollars |"
    );
    println!("| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for row in rows {
        let mega = |bytes: u64| {
            #[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
            let bytes = bytes as f64;
            bytes / 1e6
        };
        let (received, sent) = (mega(row.bytes_in), mega(row.bytes_out));
        println!(
            "| {} | {} | {} | {:.2} | {:.2} | {:.0} | {received:.1} | {sent:.1} | {:.5} | {} | {} | {:.5} |",
            row.case,
            row.network,
            row.tool,
            row.wall_s,
            row.cpu_s,
            row.peak_mb,
            (received + sent) / mega(row.archive_bytes),
            row.requests.get + row.requests.head,
            row.requests.put_class(),
            row.dollars,
        );
    }
}
