//! The admin port.

use crate::process::Idle;

#[test]
fn the_admin_port_answers_health_metrics_and_version() {
    let idle = Idle::start(&[("INSTANCE", "idle-7"), ("LOG_FORMAT", "pretty")]);
    assert!(idle.get("/livez").ends_with("ok"));
    assert!(idle.get("/readyz").ends_with("\r\nready"));
    let verbose = idle.get("/readyz?verbose");
    assert!(verbose.contains(r#""name":"nothing","up":true,"reason":null,"since":"2"#), "{verbose}");
    let version = idle.get("/version");
    assert!(version.contains(r#""instance":"idle-7""#) && version.contains(r#""name":"idle""#), "{version}");
    assert!(idle.get("/metrics").starts_with("HTTP/1.1 200"));
    assert!(idle.get("/elsewhere").starts_with("HTTP/1.1 404"));
}
