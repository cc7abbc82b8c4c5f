//! Clocks and sleeping.

use std::time::{Duration, Instant, SystemTime};

/// The session's clocks.
#[derive(Debug)]
pub struct Clock {
    start: Instant,
    /// Calls of the sleeping clock with no other host call between them.
    polls: u32,
}

/// Emscripten sleeps by asking `emscripten_get_now` in a loop, and nothing else asks it. After this many questions in
/// a row it is a sleep, and the host really sleeps.
const POLLS_OF_A_SLEEP: u32 = 3;

/// Length of one nap; short, so that a sleep ends on time.
const NAP: Duration = Duration::from_millis(1);

impl Default for Clock {
    fn default() -> Self {
        Self { start: Instant::now(), polls: 0 }
    }
}

impl Clock {
    /// Nanoseconds of the real-time clock (id 0) or of a monotonic one.
    pub fn now_ns(&mut self, id: u32) -> u64 {
        self.polls = 0;
        if id == 0 { wall_ns() } else { self.start.elapsed().as_nanos() as u64 + 1 }
    }

    /// Answers the sleeping clock in milliseconds, napping when the guest is clearly waiting for it to advance.
    pub fn poll_ms(&mut self) -> f64 {
        self.polls += 1;
        if self.polls > POLLS_OF_A_SLEEP {
            std::thread::sleep(NAP);
        }
        self.start.elapsed().as_secs_f64() * 1e3
    }
}

/// Nanoseconds since 1970.
pub fn wall_ns() -> u64 {
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
