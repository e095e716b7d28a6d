//! What versions 7 to 11 add about an interface: its ECS task and its tags.

use super::random::Random;

/// Tag values as they are delivered: percent-encoded, even `-`, so that a bare `-` means absent.
pub const TAGS: [&str; 8] = [
    "platform%2Dengineering",
    "checkout",
    "payments%2Dapi",
    "data%20lake",
    "prod",
    "staging",
    "caf%C3%A9",
    "team%3Dsearch%2Cowner%3Da%2Eb",
];

/// Clusters, with the services that run on each.
const CLUSTERS: [(&str, [&str; 3]); 2] =
    [("shop", ["cart", "checkout", "catalogue"]), ("platform", ["gateway", "identity", "mail-sender"])];

/// The ten `ecs-*` fields of a task, as text of a line: in documented order, separated by spaces.
#[derive(Debug)]
pub struct Container(pub String);

impl Container {
    /// Some task; about half of them on Fargate, which has no container instance.
    pub fn new(random: &mut Random, account: &str, region: &str) -> Container {
        let arn = format!("arn:aws:ecs:{region}:{account}");
        let (cluster, services) = random.pick(&CLUSTERS);
        let service = *random.pick(services);
        let instance = random.chance(0.5).then(|| random.hex(32));
        let second = if random.chance(0.2) { random.hex(64) } else { "-".to_owned() };
        let task = random.hex(32);
        let named_service = if random.chance(0.9) { service } else { "-" };
        let fields = [
            format!("{arn}:cluster/{cluster}"),
            (*cluster).to_owned(),
            instance.as_ref().map_or("-".to_owned(), |id| format!("{arn}:container-instance/{cluster}/{id}")),
            instance.unwrap_or_else(|| "-".to_owned()),
            random.hex(64),
            second,
            named_service.to_owned(),
            format!("{arn}:task-definition/{service}:{}", random.between(1, 90)),
            format!("{arn}:task/{cluster}/{task}"),
            task,
        ];
        Container(fields.join(" "))
    }
}
