//! Clocks and sleeping.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use serde::{Deserialize, Serialize};

/// The session's clocks, and the tape of their answers.
///
/// What the clocks answered is all that a cell learns from outside besides its own state, so a cell that is run again
/// on the same state with the same answers does the same again.
#[derive(Clone, Debug)]
pub struct Clock {
    time: Time,
    /// Calls of the sleeping clock with no other host call between them.
    polls: u32,
    tape: Tape,
}

#[derive(Clone, Debug)]
enum Time {
    /// The machine's; the monotonic clock counts from `start`.
    Real { start: Instant },
    /// A clock that only moves by being read and by sleeping.
    Virtual { elapsed_ns: u64 },
}

#[derive(Clone, Debug, Default)]
enum Tape {
    #[default]
    Off,
    Recording(Vec<u64>),
    Replaying {
        answers: Arc<[u64]>,
        next: usize,
    },
}

/// The clocks of a saved session: nanoseconds of its monotonic clock.
#[derive(Serialize, Deserialize)]
pub struct SavedClock {
    elapsed_ns: u64,
    is_virtual: bool,
}

/// Emscripten sleeps by asking `emscripten_get_now` in a loop, and nothing else asks it. After this many questions in
/// a row it is a sleep, and the host really sleeps.
const POLLS_OF_A_SLEEP: u32 = 3;

/// Length of one nap; short, so that a sleep ends on time.
const NAP: Duration = Duration::from_millis(1);

/// How far a virtual clock moves by being read: a loop that waits for a moment gets there.
const READING_NS: u64 = 1_000;

/// How far it moves by work: the interpreter asks for signals every 50 jumps and calls, which takes it about this long.
const WORK_NS: u64 = 10_000;

/// Where virtual time starts: 2023-11-14, as the files of the image.
const VIRTUAL_START_NS: u64 = 1_700_000_000_000_000_000;

/// Answers kept of one cell. One that asks more often is not run again.
const TAPE_LEN: usize = 1 << 16;

impl Clock {
    /// The machine's clocks.
    pub fn real() -> Self {
        Self { time: Time::Real { start: Instant::now() }, polls: 0, tape: Tape::Off }
    }

    /// Clocks that stand still but for the guest's own doings.
    pub fn virtual_time() -> Self {
        Self { time: Time::Virtual { elapsed_ns: 0 }, polls: 0, tape: Tape::Off }
    }

    /// Nanoseconds of the real-time clock (id 0) or of a monotonic one.
    pub fn now_ns(&mut self, id: u32) -> u64 {
        self.polls = 0;
        self.read(id == 0)
    }

    /// Nanoseconds since 1970, for time stamps of files.
    pub fn wall_ns(&mut self) -> u64 {
        self.now_ns(0)
    }

    /// Answers the sleeping clock in milliseconds, napping when the guest is clearly waiting for it to advance.
    pub fn poll_ms(&mut self) -> f64 {
        self.polls += 1;
        if self.polls > POLLS_OF_A_SLEEP {
            self.sleep(NAP);
        }
        self.read(false) as f64 / 1e6
    }

    /// Lets time pass.
    pub fn sleep(&mut self, length: Duration) {
        match (&self.tape, &mut self.time) {
            // The answers on the tape have the time that passed in them.
            (Tape::Replaying { .. }, _) => {}
            (_, Time::Real { .. }) => std::thread::sleep(length),
            (_, Time::Virtual { elapsed_ns }) => {
                *elapsed_ns = elapsed_ns.saturating_add(length.as_nanos() as u64);
            }
        }
    }

    /// Whether time is the guest's own doing.
    pub fn is_virtual(&self) -> bool {
        matches!(self.time, Time::Virtual { .. })
    }

    /// Time since the session's clocks started, for limits; the guest does not see it.
    pub fn elapsed(&self) -> Duration {
        match &self.time {
            Time::Real { start } => start.elapsed(),
            Time::Virtual { elapsed_ns } => Duration::from_nanos(*elapsed_ns),
        }
    }

    /// The interpreter has worked for a while.
    pub fn work(&mut self) {
        if let Time::Virtual { elapsed_ns } = &mut self.time {
            *elapsed_ns += WORK_NS;
        }
    }

    /// Starts to note the answers. Those of a virtual clock need no noting, as it is part of the session's state.
    pub fn record(&mut self) {
        if !self.is_virtual() {
            self.tape = Tape::Recording(Vec::new());
        }
    }

    /// The answers since [`Clock::record`], or `None` when there were too many to keep.
    pub fn recorded(&mut self) -> Option<Vec<u64>> {
        match std::mem::take(&mut self.tape) {
            Tape::Recording(answers) if answers.len() < TAPE_LEN => Some(answers),
            Tape::Off if self.is_virtual() => Some(Vec::new()),
            _ => None,
        }
    }

    /// Answers from a tape from now on.
    pub fn replay(&mut self, answers: Arc<[u64]>) {
        if !self.is_virtual() {
            self.tape = Tape::Replaying { answers, next: 0 };
        }
    }

    /// Ends a replay; tells whether the guest asked exactly as often as it did when the tape was recorded.
    pub fn replayed(&mut self) -> bool {
        match std::mem::take(&mut self.tape) {
            Tape::Replaying { answers, next } => next == answers.len(),
            _ => self.is_virtual(),
        }
    }

    /// What a saved session keeps.
    pub fn save(&self) -> SavedClock {
        match &self.time {
            Time::Real { start } => {
                SavedClock { elapsed_ns: start.elapsed().as_nanos() as u64, is_virtual: false }
            }
            Time::Virtual { elapsed_ns } => SavedClock { elapsed_ns: *elapsed_ns, is_virtual: true },
        }
    }

    /// Clocks that go on from where they were saved.
    pub fn restore(saved: &SavedClock) -> Self {
        let mut clock = Self::virtual_time();
        clock.time = if saved.is_virtual {
            Time::Virtual { elapsed_ns: saved.elapsed_ns }
        } else {
            let now = Instant::now();
            // A machine that has been up for less long has a clock that starts later.
            Time::Real { start: now.checked_sub(Duration::from_nanos(saved.elapsed_ns)).unwrap_or(now) }
        };
        clock
    }

    fn read(&mut self, wall: bool) -> u64 {
        if let Tape::Replaying { answers, next } = &mut self.tape {
            *next += 1;
            return answers.get(*next - 1).copied().unwrap_or_default();
        }
        let answer = match &mut self.time {
            Time::Real { .. } if wall => wall_ns(),
            Time::Real { start } => start.elapsed().as_nanos() as u64 + 1,
            Time::Virtual { elapsed_ns } => {
                *elapsed_ns += READING_NS;
                *elapsed_ns + if wall { VIRTUAL_START_NS } else { 0 }
            }
        };
        if let Tape::Recording(answers) = &mut self.tape
            && answers.len() < TAPE_LEN
        {
            answers.push(answer);
        }
        answer
    }
}

/// Nanoseconds since 1970.
fn wall_ns() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos() as u64
}

/// Broken-down UTC time as in C's `struct tm`: seconds to year-day, all of the guest's time zone being UTC.
pub fn broken_down(seconds: i64) -> [i32; 9] {
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Civil date from a day count, in eras of 400 years that start on 1 March (H. Hinnant, "chrono-compatible
    // low-level date algorithms").
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let year_day = days - days_from_civil(year, 1, 1);
    let week_day = (days + 4).rem_euclid(7);
    [rest % 60, rest / 60 % 60, rest / 3600, day, month - 1, year - 1900, week_day, year_day, 0]
        .map(|v| v as i32)
}

/// Seconds since 1970 of a `struct tm`, whose fields need not be in range.
pub fn seconds_of(tm: [i32; 6]) -> i64 {
    let [second, minute, hour, day, month, year] = tm.map(i64::from);
    let year = year + 1900 + month.div_euclid(12);
    let days = days_from_civil(year, month.rem_euclid(12) + 1, 1) + day - 1;
    days * 86_400 + hour * 3600 + minute * 60 + second
}

fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted_month = if month > 2 { month - 3 } else { month + 9 };
    let day_of_era =
        year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + (153 * shifted_month + 2) / 5 + day - 1;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_dates() {
        assert_eq!(broken_down(0), [0, 0, 0, 1, 0, 70, 4, 0, 0]);
        assert_eq!(broken_down(951_782_400), [0, 0, 0, 29, 1, 100, 2, 59, 0]);
        assert_eq!(broken_down(-1), [59, 59, 23, 31, 11, 69, 3, 364, 0]);
    }

    #[test]
    fn dates_go_there_and_back() {
        for seconds in (-100_000_000_000..100_000_000_000i64).step_by(97_654_321) {
            let fields = broken_down(seconds);
            assert_eq!(seconds_of(std::array::from_fn(|index| fields[index])), seconds);
        }
    }
}
