//! Scans, as their headers describe them.

/// A scan of a sequential JPEG.
#[derive(Debug, Clone)]
pub(super) struct Scan {
    /// Offset of the entropy-coded data.
    pub(super) from: usize,
    pub(super) components: Vec<ScanComponent>,
    /// Units between restart markers; 0 if there are none.
    pub(super) restart_interval: u32,
}

/// One component of a scan.
#[derive(Debug, Clone, Copy)]
pub(super) struct ScanComponent {
    /// The component's index in the frame.
    pub(super) index: usize,
    /// Blocks per unit.
    pub(super) blocks: u32,
    /// The numbers of the Huffman tables.
    pub(super) dc: usize,
    pub(super) ac: usize,
}
