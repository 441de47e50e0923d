//! Command of the simulation.
//!
//! ```text
//! cargo run --release -p simulation -- --seeds 1000
//! cargo run --release -p simulation -- --seed 4711 --verbose
//! ```

fn main() -> anyhow::Result<()> {
    simulation::command::main()
}
