//! Tasks have an owner, and the process's end follows from theirs.

use std::time::Duration;

use runtime::Process;

fn process() -> Process {
    Process::new("test", None)
}

#[tokio::test]
async fn a_supervised_task_that_fails_ends_the_process() {
    let process = process();
    process.tasks.supervise("doomed", async { Err(std::fmt::Error) });
    process.shutdown.requested().await;
    assert!(process.tasks.finish(Duration::from_secs(5)).await && process.tasks.failed());
}

#[tokio::test]
async fn a_supervised_task_that_panics_ends_the_process() {
    let process = process();
    process.tasks.supervise("doomed", async {
        if process_is_doomed() {
            panic!("as expected");
        }
        Ok::<(), std::fmt::Error>(())
    });
    process.shutdown.requested().await;
    assert!(process.tasks.failed());
}

fn process_is_doomed() -> bool {
    true
}

#[tokio::test]
async fn a_supervised_task_may_finish() {
    let process = process();
    process.tasks.supervise("brief", async { Ok::<(), std::fmt::Error>(()) });
    assert!(process.tasks.finish(Duration::from_secs(5)).await);
    assert!(!process.tasks.failed() && !process.shutdown.is_requested());
}

#[tokio::test(start_paused = true)]
async fn finishing_waits_for_tasks_and_gives_up_at_the_deadline() {
    let process = process();
    let brief = process.tasks.spawn("brief", async { tokio::time::sleep(Duration::from_secs(2)).await });
    assert!(process.tasks.finish(Duration::from_secs(5)).await && brief.is_finished());
    drop(process.tasks.spawn("stuck", std::future::pending::<()>()));
    assert!(!process.tasks.finish(Duration::from_secs(5)).await);
}

#[tokio::test]
async fn readiness_needs_every_dependency_and_no_shutdown() {
    let process = process();
    assert!(process.health.is_ready());
    let (first, second) = (process.health.dependency("first"), process.health.dependency("second"));
    first.up();
    assert!(!process.health.is_ready());
    second.up();
    assert!(process.health.is_ready());
    second.down("refused by its server");
    let report = process.health.report();
    assert!(!report.ready && first.is_up() && !process.health.dependency("second").is_up());
    assert_eq!(report.dependencies[1].reason.as_deref(), Some("refused by its server"));
    second.up();
    process.shutdown.request();
    assert!(!process.health.is_ready());
}
