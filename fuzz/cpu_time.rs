//! A bound on the CPU time of one input, which neither the load of the machine nor a slow disk can break.

use std::fs::read_to_string;
use std::time::{Duration, Instant};

/// What any input may take: 50 ms of what people run, which a build without `cargo fuzz` runs. The counters that lead the
/// fuzzer make code up to ten times slower.
const LIMIT: Duration = Duration::from_millis(if cfg!(fuzzing) { 500 } else { 50 });

/// Runs `work`; what takes longer than the limit by the clock on the wall is run again by the clock of this thread.
pub fn within_limit(work: impl Fn()) {
    let start = Instant::now();
    work();
    if start.elapsed() <= LIMIT {
        return;
    }
    let least = (0..3).map(|_| cpu_time(&work)).min().unwrap_or_default();
    assert!(least <= LIMIT, "{least:?} of CPU time");
}

fn cpu_time(work: impl Fn()) -> Duration {
    let start = on_cpu();
    work();
    on_cpu().saturating_sub(start)
}

/// Time this thread has spent on a CPU, from Linux.
fn on_cpu() -> Duration {
    let told = read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(
        told.split(' ').next().and_then(|nanoseconds| nanoseconds.parse().ok()).unwrap_or_default(),
    )
}
