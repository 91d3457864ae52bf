//! The gateway's configuration, from the same template that Docker uses.

use std::path::Path;

use super::Orderflow;
use super::ours::STEWARD;
use crate::Error;
use crate::process::Lifetime;
use crate::program::Program;
use crate::servers::{Kind, NginxKind};

const TEMPLATE: &str = include_str!("../../../../deploy/nginx.conf.template");

/// The pages that may use a local system, where front ends are usually served from while they are made; separated by
/// commas.
pub(super) const PAGES: &str = "http://localhost:3000,http://localhost:5173";

/// What is filled into the template.
pub(crate) struct Values<'a> {
    pub(crate) folder: &'a Path,
    pub(crate) listen: String,
    pub(crate) command_api: Vec<String>,
    pub(crate) query_api: Vec<String>,
    pub(crate) notifier: Vec<String>,
    pub(crate) steward: Vec<String>,
    pub(crate) origins: &'a str,
}

/// What one address may ask of the gateway: requests, requests under one token and log-ins, each per second, and
/// connections at once. The same numbers as in `docker-compose.yml`.
const LIMITS: [(&str, &str); 4] = [
    ("${GATEWAY_REQUESTS_PER_ADDRESS}", "2000"),
    ("${GATEWAY_REQUESTS_PER_TOKEN}", "1000"),
    ("${GATEWAY_LOG_INS_PER_ADDRESS}", "20"),
    ("${GATEWAY_CONNECTIONS_PER_ADDRESS}", "4096"),
];

/// The configuration with these values, within [`LIMITS`].
pub(crate) fn render(values: &Values<'_>) -> String {
    // An instance that was gone is asked again after a second.
    let server = |address: &String| format!("server {address} max_fails=1 fail_timeout=1s;");
    let servers = |addresses: &[String]| addresses.iter().map(server).collect::<Vec<_>>().join(" ");
    let text = TEMPLATE
        .replace("${GATEWAY_FOLDER}", &values.folder.display().to_string())
        .replace("${GATEWAY_LISTEN}", &values.listen)
        .replace("${GATEWAY_COMMAND_API}", &servers(&values.command_api))
        .replace("${GATEWAY_QUERY_API}", &servers(&values.query_api))
        .replace("${GATEWAY_NOTIFIER}", &servers(&values.notifier))
        .replace("${GATEWAY_STEWARD}", &servers(&values.steward))
        .replace("${ALLOWED_ORIGINS}", values.origins);
    LIMITS.iter().fold(text, |text, (name, limit)| text.replace(name, limit))
}

impl Orderflow {
    /// The gateway's port: 8080 on a developer's machine, if it is free.
    pub(super) fn gateway_port(&mut self) -> Result<u16, Error> {
        match self.lifetime {
            Lifetime::Detached => self.ports.prefer(NginxKind::NAME, 8080),
            Lifetime::WithUs => self.ports.of(NginxKind::NAME),
        }
    }

    /// Writes the configuration with every instance as an upstream, and says how the gateway is started.
    pub(super) fn gateway_program(&mut self) -> Result<Program, Error> {
        let port = self.gateway_port()?;
        let folder = self.folder.join(NginxKind::NAME);
        std::fs::create_dir_all(&folder).map_err(Error::file("create", &folder))?;
        let shape = self.shape();
        let text = render(&Values {
            folder: &folder,
            listen: format!("127.0.0.1:{port}"),
            command_api: self.upstreams("command-api", shape.command_api),
            query_api: self.upstreams("query-api", shape.query_api),
            notifier: self.upstreams("notifier", shape.notifier),
            steward: self.upstreams(STEWARD, 1),
            origins: PAGES,
        });
        let path = folder.join("nginx.conf");
        std::fs::write(&path, text).map_err(Error::file("write", &path))?;
        let mut program = NginxKind::program(&folder, &[port])?;
        program.log = self.log_of(&program.name);
        self.addresses.gateway.clone_from(&program.address);
        Ok(program)
    }
}

#[cfg(test)]
mod abuse;
#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use std::net::Ipv4Addr;
    use std::process::Command;

    use reqwest::{Client, Method, Response};
    use serde_json::Value;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;
    use crate::port::Port;
    use crate::process::Process;
    use crate::servers::{READY_WITHIN, nginx_words};
    use crate::{install, testing};

    /// A gateway before four services that answer with their name and the head of the request that they got.
    struct World {
        gateway: Process,
        http: Client,
        _port: Port,
    }

    impl World {
        async fn start() -> Self {
            let (folder, port) = (testing::folder("gateway"), Port::claim().unwrap());
            let values = Values {
                folder: &folder,
                listen: format!("127.0.0.1:{}", port.number()),
                command_api: vec![service("command-api").await],
                query_api: vec![service("query-api").await],
                notifier: vec![service("notifier").await],
                steward: vec![service("steward").await],
                origins: "https://shop.example,http://localhost:3000",
            };
            std::fs::write(folder.join("nginx.conf"), render(&values)).unwrap();
            let program = NginxKind::program(&folder, &[port.number()]).unwrap();
            let gateway = Process::start(program, Lifetime::WithUs).unwrap();
            gateway.ready(READY_WITHIN).await.unwrap();
            Self { gateway, http: Client::new(), _port: port }
        }

        async fn ask(&self, method: Method, path: &str) -> Response {
            let url = format!("{}{path}", self.gateway.program().address);
            self.http.request(method, url).send().await.unwrap()
        }
    }

    /// Starts a service on a free port; its address.
    async fn service(name: &'static str) -> String {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        drop(runtime::tasks::spawn("service", async move {
            while let Ok((mut connection, _peer)) = listener.accept().await {
                let mut request = vec![0; 16 * 1024];
                let length = connection.read(&mut request).await.unwrap_or(0);
                let head = String::from_utf8_lossy(&request[..length]).into_owned();
                let text = format!("{name}\n{head}");
                let answer = format!(
                    "HTTP/1.1 200 OK\r\nx-content-type-options: nosniff\r\nx-request-id: theirs\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{text}",
                    text.len()
                );
                let _gone = connection.write_all(answer.as_bytes()).await;
            }
        }));
        address
    }

    #[test]
    fn nginx_accepts_the_configuration() {
        let folder = testing::folder("configuration");
        let two = || vec!["127.0.0.1:1001".to_owned(), "127.0.0.1:1002".to_owned()];
        let (command_api, query_api, notifier, steward) = (two(), two(), two(), two());
        let listen = "8080".to_owned();
        let values = Values { folder: &folder, listen, command_api, query_api, notifier, steward, origins: "" };
        let text = render(&values);
        assert!(!text.contains("${"), "a value is missing");
        std::fs::write(folder.join("nginx.conf"), text).unwrap();
        let nginx = install::nginx().unwrap();
        install::run(Command::new(nginx).args(nginx_words(&folder)).arg("-t")).unwrap();
    }

    #[tokio::test]
    async fn every_route_goes_to_its_service_by_path_and_method() {
        let world = World::start().await;
        let routes = [
            (Method::POST, "/commands/orders", "command-api"),
            (Method::GET, "/commands/orders", "command-api"),
            (Method::POST, "/webhooks/payments", "command-api"),
            (Method::GET, "/.well-known/jwks.json", "command-api"),
            (Method::POST, "/api/v1/users/register", "command-api"),
            (Method::POST, "/api/v1/users/login", "command-api"),
            (Method::PUT, "/api/v1/users/profile", "command-api"),
            (Method::DELETE, "/api/v1/users/usr_1", "command-api"),
            (Method::GET, "/api/v1/users", "query-api"),
            (Method::GET, "/api/v1/users/", "query-api"),
            (Method::GET, "/api/v1/users/search?query=ada", "query-api"),
            (Method::GET, "/api/v1/users/profile", "query-api"),
            (Method::GET, "/api/v1/users/login", "query-api"),
            (Method::GET, "/queries/orders?limit=1", "query-api"),
            (Method::GET, "/queries/orders/ord_1/history", "query-api"),
            (Method::GET, "/ops/projections", "query-api"),
            (Method::POST, "/ops/fulfilment/ord_1/retry", "command-api"),
            (Method::GET, "/ops/parked", "query-api"),
            (Method::POST, "/ops/parked/orders/ord_1/redrive", "steward"),
            (Method::POST, "/ops/projections/orders/switch", "steward"),
            (Method::GET, "/openapi.json", "query-api"),
            (Method::GET, "/asyncapi.yaml", "query-api"),
            (Method::GET, "/docs", "query-api"),
            (Method::GET, "/board", "query-api"),
            (Method::GET, "/board/main.js", "query-api"),
            (Method::GET, "/docs/problems", "query-api"),
            (Method::GET, "/health", "query-api"),
            (Method::GET, "/health/ready", "query-api"),
            (Method::GET, "/ws", "notifier"),
            (Method::POST, "/ws/tickets", "notifier"),
            (Method::GET, "/events", "notifier"),
        ];
        for (method, path, service) in routes {
            let text = world.ask(method.clone(), path).await.text().await.unwrap();
            let mut lines = text.lines();
            assert_eq!(lines.next(), Some(service), "{method} {path}");
            assert_eq!(lines.next(), Some(format!("{method} {path} HTTP/1.1").as_str()), "passed on as it came");
        }
        for path in
            ["/", "/nope", "/api/v1/usersx", "/queriesx", "/commands", "/ws/other", "/metrics", "/healthx", "/boards"]
        {
            assert_eq!(world.ask(Method::GET, path).await.status(), 404, "{path}");
        }
    }

    #[tokio::test]
    async fn its_own_errors_are_problems_with_the_seeds_fields() {
        let world = World::start().await;
        let large = world.http.post(format!("{}/commands/orders", world.gateway.program().address));
        let large = large.body("x".repeat(150_000)).send().await.unwrap();
        let long = world.ask(Method::GET, &format!("/queries/{}", "x".repeat(20_000))).await;
        let unknown = world.ask(Method::GET, "/nope?secret=1").await;
        for (answer, status, code) in
            [(unknown, 404, "route_not_found"), (large, 413, "body_too_large"), (long, 414, "uri_too_long")]
        {
            assert_eq!(answer.status(), status);
            assert_eq!(answer.headers()["content-type"], "application/problem+json");
            assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
            assert_eq!(answer.headers()["server"], "nginx", "no version");
            let body: Value = answer.json().await.unwrap();
            assert_eq!((&body["code"], &body["status"]), (&code.into(), &status.into()));
            assert_eq!((&body["success"], &body["type"]), (&false.into(), &format!("/docs/problems#{code}").into()));
            assert!(body["message"].as_str().is_some_and(|message| !message.contains("secret")), "{body}");
            assert_eq!(body["traceId"].as_str().map(str::len), Some(32));
        }
    }

    #[tokio::test]
    async fn a_service_that_is_gone_is_a_problem_that_says_when_to_retry() {
        let (folder, port) = (testing::folder("gateway"), Port::claim().unwrap());
        let nobody = Port::claim().unwrap();
        let gone = || vec![format!("127.0.0.1:{}", nobody.number())];
        let (command_api, query_api, notifier, steward) = (gone(), gone(), gone(), gone());
        let listen = format!("127.0.0.1:{}", port.number());
        let values = Values { folder: &folder, listen, command_api, query_api, notifier, steward, origins: PAGES };
        std::fs::write(folder.join("nginx.conf"), render(&values)).unwrap();
        let gateway = NginxKind::program(&folder, &[port.number()]).unwrap();
        let gateway = Process::start(gateway, Lifetime::WithUs).unwrap();
        gateway.ready(READY_WITHIN).await.unwrap();
        for (method, path) in [(Method::GET, "/queries/orders"), (Method::PUT, "/api/v1/users/profile")] {
            let url = format!("{}{path}", gateway.program().address);
            let answer = Client::new().request(method, url).send().await.unwrap();
            assert_eq!((answer.status().as_u16(), &answer.headers()["retry-after"]), (502, &"1".parse().unwrap()));
            assert_eq!(answer.json::<Value>().await.unwrap()["retryable"], true, "{path}");
        }
    }

    #[tokio::test]
    async fn pages_of_allowed_origins_are_shown_the_answers_and_no_others() {
        let world = World::start().await;
        let ask = async |method: Method, path: &str, origin: &str| {
            let request = world.http.request(method, format!("{}{path}", world.gateway.program().address));
            let request = request.header("origin", origin).header("access-control-request-method", "POST");
            request.send().await.unwrap()
        };
        for (origin, allowed) in [
            ("https://shop.example", true),
            ("http://localhost:3000", true),
            ("http://shop.example", false),
            ("https://shop.example.evil", false),
            ("https://evil.shop.example", false),
            ("https://hop.example", false),
            ("null", false),
            ("https://shop.example,http://localhost:3000", false),
        ] {
            // What a service answers, what the gateway answers by itself, and what a browser asks before.
            for (method, path, status) in [
                (Method::GET, "/queries/orders", 200),
                (Method::GET, "/nope", 404),
                (Method::OPTIONS, "/commands/orders", if allowed { 204 } else { 200 }),
            ] {
                let answer = ask(method.clone(), path, origin).await;
                let headers = answer.headers();
                assert_eq!(answer.status(), status, "{method} {path} for {origin}");
                let shown = headers.get("access-control-allow-origin").map(|origin| origin.to_str().unwrap());
                assert_eq!(shown, allowed.then_some(origin), "{method} {path}");
                assert_eq!(headers.contains_key("access-control-expose-headers"), allowed);
                assert_eq!(headers.contains_key("access-control-allow-headers"), status == 204);
                assert_eq!(headers["vary"], "Origin");
                assert!(!headers.contains_key("access-control-allow-credentials"), "tokens are no cookies");
            }
        }
    }

    #[tokio::test]
    async fn request_id_and_trace_are_kept_when_well_formed_and_made_otherwise() {
        let world = World::start().await;
        let url = format!("{}/queries/orders", world.gateway.program().address);
        let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let kept = world.http.get(&url).header("x-request-id", "mine:1").header("traceparent", trace);
        let kept = kept.send().await.unwrap();
        let ids: Vec<_> = kept.headers().get_all("x-request-id").iter().collect();
        assert_eq!(ids, ["mine:1"], "said once");
        let seen = kept.text().await.unwrap().to_lowercase();
        assert!(seen.contains("x-request-id: mine:1") && seen.contains(&format!("traceparent: {trace}")), "{seen}");

        let made = world.http.get(&url).header("x-request-id", "not ours!").header("traceparent", "nonsense");
        let made = made.send().await.unwrap();
        assert_eq!(made.headers()["x-request-id"].len(), 32);
        let seen = made.text().await.unwrap().to_lowercase();
        let trace = seen.lines().find_map(|line| line.strip_prefix("traceparent: ")).unwrap();
        let lengths: Vec<_> = trace.trim().split('-').map(str::len).collect();
        assert_eq!(lengths, [2, 32, 16, 2], "{trace}");
    }

    #[tokio::test]
    async fn no_query_string_reaches_the_log() {
        let world = World::start().await;
        world.ask(Method::GET, "/ws?ticket=sesame").await;
        world.ask(Method::GET, "/nope?ticket=sesame").await;
        let log = &world.gateway.program().log;
        let text = testing::eventually("both requests are logged", READY_WITHIN, async || {
            let text = std::fs::read_to_string(log).unwrap();
            (text.contains("\"/ws\"") && text.contains("\"/nope\"")).then_some(text)
        })
        .await;
        assert!(!text.contains("sesame"), "{text}");
    }
}
