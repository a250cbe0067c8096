//! The facts that belong beside a number: without them it cannot be repeated.

use std::fs;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

/// Where and when a run took place.
#[derive(Debug, Clone)]
pub struct Machine {
    /// The processor's model.
    pub cpu: String,
    /// How many cores the system has.
    pub cores: usize,
    /// The kernel's release.
    pub kernel: String,
    /// The day, as YYYY-MM-DD in UTC.
    pub date: String,
    /// The commit of the working directory, if it is a repository.
    pub commit: Option<String>,
}

impl Machine {
    /// Looks at this machine.
    pub fn look() -> Self {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            cpu: cpu_model(&cpuinfo),
            // Not those this thread may use: it may be pinned.
            cores: cpuinfo.lines().filter(|line| line.starts_with("processor")).count(),
            kernel: kernel.trim().to_owned(),
            date: date(now.as_secs() / 86_400),
            commit: first_line_of("git", &["rev-parse", "--short", "HEAD"]),
        }
    }

    /// The facts as Markdown list items.
    pub fn to_markdown(&self) -> String {
        let commit = self.commit.as_deref().unwrap_or("unknown");
        format!(
            "- Date: {}\n- CPU: {}, {} cores\n- Kernel: {}\n- Commit: {commit}\n",
            self.date, self.cpu, self.cores, self.kernel
        )
    }
}

/// The first line a command prints, if it succeeds.
pub fn first_line_of(program: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().next().filter(|_| output.status.success())?;
    Some(line.trim().to_owned()).filter(|line| !line.is_empty())
}

fn cpu_model(cpuinfo: &str) -> String {
    let field = |name| {
        let line = cpuinfo.lines().find(|line| line.starts_with(name))?;
        line.split_once(':').map(|(_, value)| value.trim().to_owned())
    };
    field("model name").or_else(|| field("CPU part")).unwrap_or_else(|| "unknown".to_owned())
}

/// The day `days` after 1970-01-01 (Howard Hinnant, "chrono-compatible low-level date
/// algorithms": years begin in March, so that a leap day is the last of its year).
fn date(days: u64) -> String {
    let days = days + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_follow_the_calendar() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(11_016), "2000-02-29");
        assert_eq!(date(11_017), "2000-03-01");
        assert_eq!(date(20_453), "2025-12-31");
    }

    #[test]
    fn the_model_is_what_follows_the_colon() {
        assert_eq!(cpu_model("processor\t: 0\nmodel name\t: Fast (R) CPU\n"), "Fast (R) CPU");
        assert_eq!(cpu_model(""), "unknown");
    }
}
