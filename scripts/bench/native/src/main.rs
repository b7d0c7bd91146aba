//! The limit without Node.js: hyper and rusqlite with the rows alone, in one thread. `limit FILE GIVEN`: a copy of scimd's
//! database, and the path of JSON with the statements and numbers of that database. It commits together what comes together
//! and brings it to the disk as scimd does. To each line on its standard input it answers with one of what it has used.
mod rows;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{HeaderValue, CONTENT_TYPE};
use hyper::{server::conn::http1, service::service_fn, Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rows::Rows;
use rusqlite::Connection;
use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::fs::File;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::{spawn_blocking, spawn_local, yield_now, LocalSet};

/// As group commit has it.
const MOST_TURNS: usize = 3;
/// What a disk may take to be waited for on the spot.
const QUICK: Duration = Duration::from_micros(500);

enum Command {
    CreateUser,
    CreateGroup,
    SetActive(String),
    EditMembers(String),
}

struct Waiting {
    command: Command,
    body: Bytes,
    done: oneshot::Sender<String>,
}

struct Limit {
    db: &'static Connection,
    rows: RefCell<Rows>,
    waiting: RefCell<Vec<Waiting>>,
    is_reading: Cell<bool>,
    wal: Arc<File>,
    lasted: Cell<Duration>,
}

impl Limit {
    /// Reads of one turn share a transaction.
    fn read(self: &Rc<Self>, action: impl FnOnce(&mut Rows) -> String) -> String {
        if !self.is_reading.replace(true) {
            self.db.execute_batch("BEGIN").expect("a transaction");
            let this = self.clone();
            spawn_local(async move {
                yield_now().await;
                this.leave();
            });
        }
        action(&mut self.rows.borrow_mut())
    }

    fn leave(&self) {
        if self.is_reading.replace(false) {
            self.db.execute_batch("COMMIT").expect("a transaction");
        }
    }

    async fn write(self: &Rc<Self>, command: Command, body: Bytes) -> String {
        let (done, answer) = oneshot::channel();
        let is_first = self.waiting.borrow().is_empty();
        self.waiting.borrow_mut().push(Waiting { command, body, done });
        if is_first {
            spawn_local(self.clone().gather());
        }
        answer.await.expect("an answer")
    }

    async fn gather(self: Rc<Self>) {
        let mut before = 0;
        yield_now().await;
        for _ in 0..MOST_TURNS {
            let length = self.waiting.borrow().len();
            if length <= 1 || length <= before {
                break;
            }
            before = length;
            yield_now().await;
        }
        let all = self.waiting.take();
        self.leave();
        self.db.execute_batch("BEGIN IMMEDIATE").expect("a transaction");
        let answers: Vec<String> = all.iter().map(|each| self.run(each)).collect();
        self.rows.borrow_mut().finish();
        self.db.execute_batch("COMMIT").expect("a transaction");
        self.sync().await;
        for (each, answer) in all.into_iter().zip(answers) {
            let _ = each.done.send(answer);
        }
    }

    fn run(&self, Waiting { command, body, .. }: &Waiting) -> String {
        let body = std::str::from_utf8(body).expect("UTF-8");
        let mut rows = self.rows.borrow_mut();
        match command {
            Command::CreateUser => rows.create_user(body),
            Command::CreateGroup => rows.create_group(body),
            Command::SetActive(id) => rows.set_active(id, body),
            Command::EditMembers(id) => {
                rows.edit_members(id, body);
                String::new()
            }
        }
    }

    async fn sync(&self) {
        let started = Instant::now();
        if self.lasted.get() <= QUICK {
            self.wal.sync_data().expect("the disk");
        } else {
            let wal = self.wal.clone();
            spawn_blocking(move || wal.sync_data().expect("the disk")).await.expect("the thread");
        }
        self.lasted.set(started.elapsed());
    }
}

fn response(status: StatusCode, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    if status != StatusCode::NO_CONTENT {
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/scim+json"));
    }
    response
}

async fn answer(limit: Rc<Limit>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    let mut parts = path.split('/').skip(3);
    let (kind, id) = (parts.next().unwrap_or(""), parts.next().map(str::to_owned));
    if request.method() == Method::GET {
        let query = request.uri().query().unwrap_or("");
        let text = limit.read(|rows| match &id {
            Some(id) => rows.get(id),
            None => list(rows, query),
        });
        return Ok(response(StatusCode::OK, text));
    }
    let is_group = kind == "Groups";
    let (command, status) = match id {
        None if is_group => (Command::CreateGroup, StatusCode::CREATED),
        None => (Command::CreateUser, StatusCode::CREATED),
        Some(id) if is_group => (Command::EditMembers(id), StatusCode::NO_CONTENT),
        Some(id) => (Command::SetActive(id), StatusCode::OK),
    };
    let body = request.into_body().collect().await.expect("a body").to_bytes();
    Ok(response(status, limit.write(command, body).await))
}

fn list(rows: &mut Rows, query: &str) -> String {
    let parameter = |name: &str| {
        query.split('&').find_map(|part| part.split_once('=').filter(|(key, _)| *key == name)).map(|(_, value)| value)
    };
    let count: i64 = parameter("count").map_or(100, |count| count.parse().expect("a count"));
    let filter = decoded(parameter("filter").unwrap_or(""));
    if filter.is_empty() {
        return rows.page(count);
    }
    if let Some(name) = filter.strip_prefix("userName eq \"") {
        return rows.by_user_name(&name[..name.len() - 1]);
    }
    let rest = filter.strip_prefix("emails[type eq \"").expect("a filter that the limit knows");
    let (kind, part) = rest.split_once("\" and value co \"").expect("a filter that the limit knows");
    rows.by_email(kind, &part[..part.len() - 2], count as usize)
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        if byte == b'%' && after.len() >= 2 {
            let code = std::str::from_utf8(&after[..2]).expect("two digits");
            bytes.push(u8::from_str_radix(code, 16).expect("two digits"));
            rest = &after[2..];
        } else {
            bytes.push(byte);
            rest = after;
        }
    }
    String::from_utf8(bytes).expect("UTF-8")
}

/// Answers each line with `usage`, microseconds of CPU and the most memory in KiB. The process ends with its parent.
fn tell_usage() {
    for _ in std::io::stdin().lines() {
        // SAFETY: getrusage fills in what it is given, of which zeros are a value.
        let usage = unsafe {
            let mut usage: libc::rusage = std::mem::zeroed();
            libc::getrusage(libc::RUSAGE_SELF, &mut usage);
            usage
        };
        let cpu = [usage.ru_utime, usage.ru_stime].map(|time| time.tv_sec as i64 * 1_000_000 + time.tv_usec as i64);
        println!("usage {} {}", cpu[0] + cpu[1], usage.ru_maxrss);
    }
    std::process::exit(0);
}

async fn serve(db: &'static Connection, file: &str, given: &serde_json::Value) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base = format!("http://{}/scim/v2", listener.local_addr().expect("an address"));
    let wal = File::options().read(true).write(true).open(format!("{file}-wal")).expect("the WAL");
    let limit = Rc::new(Limit {
        db,
        rows: RefCell::new(Rows::new(db, given, base.clone())),
        waiting: RefCell::default(),
        is_reading: Cell::new(false),
        wal: Arc::new(wal),
        lasted: Cell::default(),
    });
    println!("listening on {base}");
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        let _ = stream.set_nodelay(true);
        let limit = limit.clone();
        spawn_local(async move {
            let service = service_fn(move |request| answer(limit.clone(), request));
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (file, given) = (arguments.next().expect("FILE"), arguments.next().expect("GIVEN"));
    let given = serde_json::from_str(&std::fs::read_to_string(given).expect("GIVEN")).expect("JSON");
    let db: &'static Connection = Box::leak(Box::new(Connection::open(&file).expect("FILE")));
    db.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;
         PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16384; SELECT 1 FROM tenant LIMIT 1",
    )
    .expect("a database");
    std::thread::spawn(tell_usage);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().expect("a runtime");
    LocalSet::new().block_on(&runtime, serve(db, &file, &given));
}
