//! The rows that answers are made of: the statements of limit-sql.ts, and what limit-rows.ts does with them. The keys of
//! what it creates are those of the benchmark's people and groups (data.ts); the benchmark compares what is written with
//! what scimd writes.
use rusqlite::{params, params_from_iter, types::Value as Cell, Connection, Row, Statement};
use serde_json::{json, Value};
use std::time::{SystemTime, UNIX_EPOCH};

type Db = &'static Connection;

struct Found {
    rid: i64,
    id: String,
    version: i64,
    created: String,
    modified: String,
    body: String,
}

fn found(row: &Row) -> rusqlite::Result<Found> {
    Ok(Found {
        rid: row.get(0)?,
        id: row.get(2)?,
        version: row.get(3)?,
        created: row.get(4)?,
        modified: row.get(5)?,
        body: row.get(6)?,
    })
}

/// A kind of resource: its number and its name.
#[derive(Clone)]
struct Kind {
    number: i64,
    name: &'static str,
    created: i64,
}

pub struct Rows {
    base: String,
    user: Kind,
    group: Kind,
    emails: i64,
    phone_numbers: i64,
    manager: i64,
    sequence: i64,
    last_id: u64,
    left: i64,
    removed: i64,
    actor: String,
    get: Statement<'static>,
    by_unique: Statement<'static>,
    page: Statement<'static>,
    row: Statement<'static>,
    total: Statement<'static>,
    by_element: Statement<'static>,
    insert_resource: Statement<'static>,
    insert_document: Statement<'static>,
    insert_keys: Statement<'static>,
    insert_elements: Vec<Statement<'static>>,
    set_active: Statement<'static>,
    set_body: Statement<'static>,
    place: Statement<'static>,
    touch: Statement<'static>,
    find_member: Statement<'static>,
    insert_member: Statement<'static>,
    delete_member: Statement<'static>,
    count: Statement<'static>,
    count_losses: Statement<'static>,
    insert_change: Statement<'static>,
    insert_change_member: Statement<'static>,
    set_head: Statement<'static>,
}

/// As long as those of scimd are.
const MADE_UP_ID: &str = "01900000-0000-7000-8000-000000000000";
const SALT: &str = "ssssssssssssssssssssss";
const DIGEST: [u8; 32] = [7; 32];

impl Rows {
    /// `given` has the statements in `sql`, and numbers of types and attributes in `numbers`.
    pub fn new(db: Db, given: &Value, base: String) -> Rows {
        let text = |name: &str| given["sql"][name].as_str().expect(name).to_owned();
        let prepare = |name: &str| db.prepare(&text(name)).expect(name);
        let number = |name: &str| given["numbers"][name].as_i64().expect(name);
        let sequence = prepare("head").query_row([1], |row| row.get(0)).unwrap_or(0);
        Rows {
            base,
            user: Kind { number: number("user"), name: "User", created: 0 },
            group: Kind { number: number("group"), name: "Group", created: 0 },
            emails: number("emails"),
            phone_numbers: number("phoneNumbers"),
            manager: number("manager"),
            sequence,
            last_id: 1_000_000_000,
            left: 0,
            removed: 0,
            actor: json!({"kind": "token", "id": MADE_UP_ID, "name": "first", "idp": "generic"}).to_string(),
            get: prepare("get"),
            by_unique: prepare("byUnique"),
            page: prepare("page"),
            row: prepare("row"),
            total: prepare("total"),
            by_element: prepare("byElement"),
            insert_resource: prepare("insertResource"),
            insert_document: prepare("insertDocument"),
            insert_keys: prepare("insertKeys"),
            insert_elements: given["sql"]["insertElements"]
                .as_array()
                .expect("insertElements")
                .iter()
                .map(|text| db.prepare(text.as_str().expect("a statement")).expect("insertElements"))
                .collect(),
            set_active: prepare("setActive"),
            set_body: prepare("setBody"),
            place: prepare("place"),
            touch: prepare("touch"),
            find_member: prepare("findMember"),
            insert_member: prepare("insertMember"),
            delete_member: prepare("deleteMember"),
            count: prepare("count"),
            count_losses: prepare("countLosses"),
            insert_change: prepare("insertChange"),
            insert_change_member: prepare("insertChangeMember"),
            set_head: prepare("setHead"),
        }
    }

    fn text(&self, name: &str, row: &Found) -> String {
        let Found { id, version, created, modified, body, .. } = row;
        format!(
            "{},\"meta\":{{\"resourceType\":\"{name}\",\"created\":\"{}\",\"lastModified\":\"{}\",\"location\":\"{}/{name}s/{id}\",\"version\":\"W/\\\"{version}\\\"\"}}}}",
            &body[..body.len() - 1],
            instant(created),
            instant(modified),
            self.base,
        )
    }

    fn list(&self, sum: i64, rows: &[Found]) -> String {
        let texts: Vec<String> = rows.iter().map(|row| self.text("User", row)).collect();
        format!(
            "{{\"schemas\":[\"urn:ietf:params:scim:api:messages:2.0:ListResponse\"],\"totalResults\":{sum},\"startIndex\":1,\"itemsPerPage\":{},\"Resources\":[{}]}}",
            rows.len(),
            texts.join(","),
        )
    }

    pub fn get(&mut self, id: &str) -> String {
        let row = self.get.query_row(params![1, id, self.user.number], found).expect("a user");
        self.text("User", &row)
    }

    pub fn by_user_name(&mut self, name: &str) -> String {
        match self.by_unique.query_row(params![1, self.user.number, name.to_lowercase()], found) {
            Ok(row) => self.list(1, &[row]),
            Err(_) => self.list(0, &[]),
        }
    }

    pub fn page(&mut self, count: i64) -> String {
        let user = self.user.number;
        let sum = self.total.query_row([1, user], |row| row.get(0)).unwrap_or(0);
        let rows: Vec<Found> =
            self.page.query_map([user, count], found).expect("a page").map(|row| row.expect("a row")).collect();
        self.list(sum, &rows)
    }

    pub fn by_email(&mut self, kind: &str, part: &str, count: usize) -> String {
        let ids: Vec<i64> = self
            .by_element
            .query_map(params![self.emails, kind, part], |row| row.get(0))
            .expect("values")
            .map(|rid| rid.expect("a row number"))
            .collect();
        let rows: Vec<Found> =
            ids.iter().take(count).map(|rid| self.row.query_row([rid], found).expect("a row")).collect();
        self.list(ids.len() as i64, &rows)
    }

    fn record(&mut self, kind: i64, id: &str, version: i64, operation: &str, at: &str, [edits, added, removed]: [Option<&str>; 3]) {
        self.sequence += 1;
        let none: Option<&str> = None;
        self.insert_change
            .execute(params![
                1, self.sequence, kind, id, version, operation, at, MADE_UP_ID, MADE_UP_ID, self.actor, edits, added,
                removed, none, none, none, SALT, DIGEST, DIGEST, none
            ])
            .expect("a change");
        for ids in [added, removed].into_iter().flatten() {
            let members: Vec<String> = serde_json::from_str(ids).expect("ids");
            for member in members {
                self.insert_change_member.execute(params![1, member, self.sequence]).expect("a member of a change");
            }
        }
    }

    pub fn create_user(&mut self, body: &str) -> String {
        let given: Value = serde_json::from_str(body).expect("JSON");
        let extension = &given["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"];
        let name = &given["name"];
        let keys = json!({
            "name": {
                "formatted": folded(&name["formatted"]),
                "familyname": folded(&name["familyName"]),
                "givenname": folded(&name["givenName"]),
            },
            "title": folded(&given["title"]),
            "preferredlanguage": folded(&given["preferredLanguage"]),
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:user": {
                "employeenumber": folded(&extension["employeeNumber"]),
                "department": folded(&extension["department"]),
            },
        });
        let mut elements: Vec<(i64, i64, Cell, Cell, Cell)> = vec![];
        for (attribute, values) in [(self.emails, &given["emails"]), (self.phone_numbers, &given["phoneNumbers"])] {
            for (ordinal, value) in values.as_array().into_iter().flatten().enumerate() {
                let primary = value["primary"].as_bool().map_or(Cell::Null, |is| Cell::Integer(is.into()));
                elements.push((attribute, ordinal as i64, cell(&value["value"]), cell(&value["type"]), primary));
            }
        }
        elements.push((self.manager, 0, cell(&extension["manager"]["value"]), Cell::Null, Cell::Null));
        let columns = (given["externalId"].as_str(), cell(&given["userName"]), cell(&given["displayName"]));
        let active = given["active"].as_bool();
        let (kind, rid, row) = self.insert(true, body, columns, active, &keys.to_string());
        let mut values: Vec<Cell> = Vec::with_capacity(elements.len() * 10);
        let rows = elements.len();
        for (attribute, ordinal, value, of, primary) in elements {
            values.extend([Cell::Integer(rid), Cell::Integer(attribute), Cell::Integer(ordinal), Cell::Integer(1)]);
            values.extend([value, Cell::Null, of, Cell::Null, primary, Cell::Null]);
        }
        self.insert_elements[rows - 1].execute(params_from_iter(values)).expect("elements");
        self.record(kind.number, &row.id, 1, "create", &row.created, [None; 3]);
        self.user.created += 1;
        self.text(kind.name, &row)
    }

    pub fn create_group(&mut self, body: &str) -> String {
        let given: Value = serde_json::from_str(body).expect("JSON");
        let columns = (None, Cell::Null, cell(&given["displayName"]));
        let (kind, _, row) = self.insert(false, body, columns, None, "{}");
        self.record(kind.number, &row.id, 1, "create", &row.created, [None; 3]);
        self.group.created += 1;
        self.text(kind.name, &row)
    }

    fn insert(
        &mut self,
        is_user: bool,
        body: &str,
        (external, unique, display): (Option<&str>, Cell, Cell),
        active: Option<bool>,
        keys: &str,
    ) -> (Kind, i64, Found) {
        let kind = if is_user { self.user.clone() } else { self.group.clone() };
        self.last_id += 1;
        let id = format!("01900000-0000-7000-8000-{:012}", self.last_id);
        let at = now();
        let rid = self
            .insert_resource
            .insert(params![1, kind.number, id, external, unique, display, active, at, at])
            .expect("a resource");
        let body = format!("{{\"id\":\"{id}\",{}", &body[1..]);
        self.insert_document.execute(params![rid, body]).expect("a document");
        self.insert_keys.execute(params![rid, keys]).expect("keys");
        (kind, rid, Found { rid, id, version: 1, created: at.clone(), modified: at, body })
    }

    pub fn set_active(&mut self, id: &str, body: &str) -> String {
        let mut row = self.get.query_row(params![1, id, self.user.number], found).expect("a user");
        let message: Value = serde_json::from_str(body).expect("JSON");
        let mut document: Value = serde_json::from_str(&row.body).expect("JSON");
        let from = document["active"].clone();
        let to = message["Operations"][0]["value"].clone();
        let edits = json!([{"path": "active", "from": from, "to": to}]).to_string();
        let is_active = to == Value::Bool(true);
        if from == Value::Bool(true) && !is_active {
            self.left += 1;
        }
        document["active"] = to;
        row.body = document.to_string();
        row.version += 1;
        row.modified = now();
        self.set_active.execute(params![is_active, row.version, row.modified, row.rid]).expect("a user");
        self.set_body.execute(params![row.body, row.rid]).expect("a document");
        self.record(self.user.number, id, row.version, "patch", &row.modified, [Some(&edits), None, None]);
        self.text("User", &row)
    }

    pub fn edit_members(&mut self, id: &str, body: &str) {
        let (rid, version): (i64, i64) =
            self.place.query_row(params![1, id], |row| Ok((row.get(0)?, row.get(2)?))).expect("a group");
        let message: Value = serde_json::from_str(body).expect("JSON");
        let operation = &message["Operations"][0];
        let at = now();
        let adds = operation["op"] == "add";
        let mut ids: Vec<&str> = vec![];
        if adds {
            for member in operation["value"].as_array().into_iter().flatten() {
                let value = member["value"].as_str().expect("an id");
                let (kind, display): (Option<i64>, Option<String>) = self
                    .find_member
                    .query_row(params![1, value], |row| Ok((row.get(0)?, row.get(1)?)))
                    .unwrap_or((None, None));
                let key = display.as_ref().map(|text| text.to_lowercase());
                let none: Option<&str> = None;
                self.insert_member.execute(params![rid, value, 1, kind, display, none, key, none]).expect("a member");
                ids.push(value);
            }
        } else {
            let path = operation["path"].as_str().expect("a path");
            let value = &path["members[value eq \"".len()..path.len() - 2];
            self.delete_member.execute(params![rid, value]).expect("a member");
            self.removed += 1;
            ids.push(value);
        }
        self.touch.execute(params![version + 1, at, rid]).expect("a group");
        let ids = json!(ids).to_string();
        let lists = if adds { [None, Some(ids.as_str()), None] } else { [None, None, Some(ids.as_str())] };
        self.record(self.group.number, id, version + 1, "patch", &at, lists);
    }

    /// What there is once for all of a transaction.
    pub fn finish(&mut self) {
        for kind in [&mut self.user, &mut self.group] {
            if kind.created > 0 {
                self.count.execute([kind.number, kind.created, 1]).expect("a total");
                kind.created = 0;
            }
        }
        let minute = (milliseconds() / 60_000) as i64;
        for (name, losses) in [("left", &mut self.left), ("removed", &mut self.removed)] {
            if *losses > 0 {
                self.count_losses.execute(params![1, name, minute, *losses]).expect("losses");
                *losses = 0;
            }
        }
        self.set_head.execute(params![self.sequence, DIGEST, 1]).expect("the head");
    }
}

fn folded(value: &Value) -> Value {
    value.as_str().map_or(Value::Null, |text| Value::String(text.to_lowercase()))
}

fn cell(value: &Value) -> Cell {
    value.as_str().map_or(Cell::Null, |text| Cell::Text(text.to_lowercase()))
}

fn milliseconds() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970").as_millis()
}

/// `2011-05-13T04:42:34.5`, as scimd keeps times.
fn now() -> String {
    let time = milliseconds() as i64;
    let (days, rest) = (time.div_euclid(86_400_000), time.rem_euclid(86_400_000));
    // Days since 1970 to a date of the Gregorian calendar, with years that begin in March.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let index = (5 * of_year + 2) / 153;
    let (day, month) = (of_year - (153 * index + 2) / 5 + 1, if index < 10 { index + 3 } else { index - 9 });
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (rest / 3_600_000, rest / 60_000 % 60, rest / 1000 % 60);
    let text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}", rest % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The same with milliseconds and zone, as it is answered.
fn instant(key: &str) -> String {
    if key.len() == 19 {
        format!("{key}.000Z")
    } else {
        format!("{key:0<23}Z")
    }
}
