//! Asking once more before the first answer is given up, where any of several servers may answer.

use std::future::Future;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::sleep;

/// After this an answer is late: a server that hangs gives none, and one that is busy gives it soon after.
const LATE: Duration = Duration::from_millis(250);

/// Questions that are open at once. With one of three servers hung, a question goes to it every third time: all of four in one of 81.
const OPEN_MAX: usize = 4;

/// The first good answer to what `ask` asks, which is asked again each time that the answers so far are late; else the error of
/// the last question.
pub(crate) async fn hedged<T, E, F>(mut ask: impl FnMut() -> F) -> Result<T, E>
where
    F: Future<Output = Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: Send + 'static,
{
    let mut open = JoinSet::new();
    open.spawn(ask());
    let mut asked = 1;
    loop {
        tokio::select! {
            Some(answer) = open.join_next() => {
                let answer = answer.expect("to ask does not panic");
                if answer.is_ok() || open.is_empty() {
                    return answer;
                }
            }
            () = sleep(LATE), if asked < OPEN_MAX => {
                open.spawn(ask());
                asked += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    /// The first questions hang for two seconds, the one with the number `good` is answered at once: what came of it, when, and after how many.
    async fn try_it(good: usize) -> (Result<usize, &'static str>, Duration, usize) {
        let begun = Instant::now();
        let mut asked = 0;
        let answer = hedged(|| {
            asked += 1;
            let number = asked;
            async move {
                if number < good {
                    sleep(Duration::from_secs(2)).await;
                    return Err("nobody answered");
                }
                sleep(Duration::from_millis(10)).await;
                Ok(number)
            }
        })
        .await;
        (answer, begun.elapsed(), asked)
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_hangs_costs_a_moment_and_not_its_time_out() {
        assert_eq!(try_it(1).await, (Ok(1), Duration::from_millis(10), 1));
        assert_eq!(try_it(2).await, (Ok(2), Duration::from_millis(260), 2));
        assert_eq!(try_it(4).await, (Ok(4), Duration::from_millis(760), 4));
        let nobody = (Err("nobody answered"), Duration::from_millis(2_750), 4);
        assert_eq!(try_it(9).await, nobody, "no more than four at once");
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_only_late_is_taken() {
        let begun = Instant::now();
        let mut asked = 0;
        let answer = hedged(|| {
            asked += 1;
            let number = asked;
            async move {
                sleep(Duration::from_millis(600)).await;
                Ok::<_, ()>(number)
            }
        });
        assert_eq!(answer.await, Ok(1));
        assert_eq!((begun.elapsed(), asked), (Duration::from_millis(600), 3));
    }
}
