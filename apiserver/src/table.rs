//! Tables, as `kubectl get` prints them: the columns of each kind, and the cells of each object.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::form::{RowObject, metadata_of};
use crate::json_path;
use crate::resource::Resource;

struct Column {
    name: String,
    kind: String,
    format: String,
    description: String,
    /// 0 is always shown, anything above only with `-o wide`.
    priority: i64,
    cell: Cell,
}

enum Cell {
    Path(String),
    Of(fn(&Value) -> Value),
}

pub(crate) fn of(
    resource: &Resource,
    items: &[&Value],
    carried: RowObject,
    metadata: Value,
) -> Value {
    let columns = columns(resource);
    let definitions: Vec<Value> = columns.iter().map(Column::definition).collect();
    let rows = items.iter().map(|item| {
        let cells: Vec<Value> = columns.iter().map(|column| column.cell_of(item)).collect();
        match carried {
            RowObject::Nothing => json!({"cells": cells, "object": null}),
            RowObject::Metadata => json!({"cells": cells, "object": metadata_of(item)}),
            RowObject::Whole => json!({"cells": cells, "object": item}),
        }
    });
    json!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
        "columnDefinitions": definitions, "rows": rows.collect::<Vec<_>>(),
    })
}

fn columns(resource: &Resource) -> Vec<Column> {
    if let Some(custom) = &resource.custom {
        let printed = custom.columns.iter().map(Column::printed);
        let columns: Vec<Column> = [Column::name()].into_iter().chain(printed).collect();
        return if custom.columns.is_empty() {
            vec![Column::name(), Column::age()]
        } else {
            columns
        };
    }
    builtin(&resource.plural)
}

fn builtin(plural: &str) -> Vec<Column> {
    let text = |name: &str, path: &str| Column::text(name, Cell::Path(path.to_owned()));
    let (name, age) = (Column::name(), Column::age());
    match plural {
        "namespaces" => vec![name, text("Status", ".status.phase"), age],
        "secrets" => vec![
            name,
            text("Type", ".type"),
            Column::text("Data", Cell::Of(|secret| size(&secret["data"]))),
            age,
        ],
        "configmaps" => vec![
            name,
            Column::text("Data", Cell::Of(|map| size(&map["data"]))),
            age,
        ],
        "services" => vec![
            name,
            text("Type", ".spec.type"),
            text("Cluster-IP", ".spec.clusterIP"),
            Column::text("External-IP", Cell::Of(|_| "<none>".into())),
            Column::text("Port(s)", Cell::Of(ports)),
            age,
            Column::text("Selector", Cell::Of(selector)).wide(),
        ],
        "events" => events(),
        "deployments" => vec![
            name,
            Column::text("Ready", Cell::Of(ready)),
            Column::number("Up-to-date", |it| {
                count(&it["status"]["updatedReplicas"], 0).into()
            }),
            Column::number("Available", |it| {
                count(&it["status"]["availableReplicas"], 0).into()
            }),
            age,
        ],
        "serviceaccounts" => vec![
            name,
            Column::number("Secrets", |account| size(&account["secrets"])),
            age,
        ],
        "rolebindings" | "clusterrolebindings" => {
            vec![name, Column::text("Role", Cell::Of(role)), age]
        }
        "customresourcedefinitions" | "roles" | "clusterroles" => {
            vec![name, Column::created()]
        }
        _ => vec![name, age],
    }
}

fn events() -> Vec<Column> {
    vec![
        Column::text("Last Seen", Cell::Of(|event| age_of(&last_seen(event)))),
        Column::text("Type", Cell::Path(".type".to_owned())),
        Column::text("Reason", Cell::Path(".reason".to_owned())),
        Column::text("Object", Cell::Of(involved)),
        Column::text(
            "Subobject",
            Cell::Path(".involvedObject.fieldPath".to_owned()),
        )
        .wide(),
        Column::text("Source", Cell::Of(source)).wide(),
        Column::text(
            "Message",
            Cell::Of(|event| event["message"].as_str().unwrap_or_default().trim().into()),
        ),
        Column::text("First Seen", Cell::Of(|event| age_of(&first_seen(event)))).wide(),
        Column::number("Count", |event| event["count"].as_u64().unwrap_or(1).into()).wide(),
        Column::name().wide(),
    ]
}

impl Column {
    fn of(name: &str, kind: &str, cell: Cell) -> Self {
        let (name, kind) = (name.to_owned(), kind.to_owned());
        Self {
            name,
            kind,
            format: String::new(),
            description: String::new(),
            priority: 0,
            cell,
        }
    }

    fn text(name: &str, cell: Cell) -> Self {
        Self::of(name, "string", cell)
    }

    fn number(name: &str, cell: fn(&Value) -> Value) -> Self {
        Self::of(name, "integer", Cell::Of(cell))
    }

    fn name() -> Self {
        Self {
            format: "name".to_owned(),
            ..Self::text("Name", Cell::Path(".metadata.name".to_owned()))
        }
    }

    fn age() -> Self {
        Self::text(
            "Age",
            Cell::Of(|object| age_of(&object["metadata"]["creationTimestamp"])),
        )
    }

    fn created() -> Self {
        Self::of(
            "Created At",
            "date",
            Cell::Of(|object| object["metadata"]["creationTimestamp"].clone()),
        )
    }

    /// One of a CRD's `additionalPrinterColumns`.
    fn printed(column: &Value) -> Self {
        let text = |key: &str| column[key].as_str().unwrap_or_default();
        Self {
            format: text("format").to_owned(),
            description: text("description").to_owned(),
            priority: column["priority"].as_i64().unwrap_or_default(),
            ..Self::of(
                text("name"),
                text("type"),
                Cell::Path(text("jsonPath").to_owned()),
            )
        }
    }

    fn wide(mut self) -> Self {
        self.priority = 1;
        self
    }

    fn definition(&self) -> Value {
        json!({
            "name": self.name, "type": self.kind, "format": self.format,
            "description": self.description, "priority": self.priority,
        })
    }

    fn cell_of(&self, object: &Value) -> Value {
        let path = match &self.cell {
            Cell::Of(cell) => return cell(object),
            Cell::Path(path) => path,
        };
        match json_path::find(object, path) {
            None => Value::Null,
            Some(found) if self.kind == "date" => age_of(found),
            Some(found) if self.kind == "string" && !found.is_string() => found.to_string().into(),
            Some(found) => found.clone(),
        }
    }
}

fn size(collection: &Value) -> Value {
    match collection {
        Value::Object(map) => map.len().into(),
        Value::Array(items) => items.len().into(),
        _ => 0.into(),
    }
}

fn ports(service: &Value) -> Value {
    let ports = service["spec"]["ports"].as_array().into_iter().flatten();
    let shown: Vec<String> = ports
        .map(|port| {
            format!(
                "{}/{}",
                port["port"],
                port["protocol"].as_str().unwrap_or("TCP")
            )
        })
        .collect();
    if shown.is_empty() {
        "<none>".into()
    } else {
        shown.join(",").into()
    }
}

fn selector(service: &Value) -> Value {
    let pairs = service["spec"]["selector"]
        .as_object()
        .into_iter()
        .flatten();
    let shown: Vec<String> = pairs
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    if shown.is_empty() {
        "<none>".into()
    } else {
        shown.join(",").into()
    }
}

fn ready(deployment: &Value) -> Value {
    let (ready, wanted) = (
        &deployment["status"]["readyReplicas"],
        &deployment["spec"]["replicas"],
    );
    format!("{}/{}", count(ready, 0), count(wanted, 1)).into()
}

fn count(value: &Value, missing: u64) -> u64 {
    value.as_u64().unwrap_or(missing)
}

fn role(binding: &Value) -> Value {
    let text = |key: &str| binding["roleRef"][key].as_str().unwrap_or_default();
    format!("{}/{}", text("kind"), text("name")).into()
}

fn involved(event: &Value) -> Value {
    let text = |key: &str| event["involvedObject"][key].as_str().unwrap_or_default();
    format!("{}/{}", text("kind").to_lowercase(), text("name")).into()
}

fn source(event: &Value) -> Value {
    let component = event["source"]["component"]
        .as_str()
        .or(event["reportingComponent"].as_str())
        .unwrap_or_default();
    match event["source"]["host"].as_str() {
        Some(host) => format!("{component}, {host}").into(),
        None => component.into(),
    }
}

fn last_seen(event: &Value) -> Value {
    let times = [
        &event["series"]["lastObservedTime"],
        &event["lastTimestamp"],
        &event["eventTime"],
    ];
    times
        .into_iter()
        .find(|time| time.is_string())
        .cloned()
        .unwrap_or_else(|| first_seen(event))
}

fn first_seen(event: &Value) -> Value {
    let times = [
        &event["firstTimestamp"],
        &event["eventTime"],
        &event["metadata"]["creationTimestamp"],
    ];
    times
        .into_iter()
        .find(|time| time.is_string())
        .cloned()
        .unwrap_or_default()
}

fn age_of(time: &Value) -> Value {
    let Some(then) = time
        .as_str()
        .and_then(|text| text.parse::<Timestamp>().ok())
    else {
        return "<unknown>".into();
    };
    human(Timestamp::now().as_second() - then.as_second()).into()
}

/// A duration as kubectl shows it: the longer, the coarser.
fn human(seconds: i64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    let two = |big: i64, unit: &str, small: i64, small_unit: &str| {
        if small == 0 {
            format!("{big}{unit}")
        } else {
            format!("{big}{unit}{small}{small_unit}")
        }
    };
    match seconds {
        ..-1 => "<invalid>".to_owned(),
        -1 | 0 => "0s".to_owned(),
        1..120 => format!("{seconds}s"),
        120..600 => two(minutes, "m", seconds % 60, "s"),
        600..10_800 => format!("{minutes}m"),
        10_800..28_800 => two(hours, "h", minutes % 60, "m"),
        28_800..172_800 => format!("{hours}h"),
        172_800..691_200 => two(days, "d", hours % 24, "h"),
        691_200..63_072_000 => format!("{days}d"),
        63_072_000..252_288_000 => two(days / 365, "y", days % 365, "d"),
        _ => format!("{}y", days / 365),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_grow_coarse() {
        let shown = [
            5,
            125,
            3600,
            4 * 3600 + 300,
            86_400,
            3 * 86_400 + 7200,
            100 * 86_400,
        ]
        .map(human);
        assert_eq!(shown, ["5s", "2m5s", "60m", "4h5m", "24h", "3d2h", "100d"]);
    }
}
