package person_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/linshao/linshao/cloud/internal/person"
)

// TestEveryColumnIsKnown: each text of the database either may name a person, and is in the list that copies and erasures go
// through, or is said here to name nobody. Who adds a column decides which.
func TestEveryColumnIsKnown(t *testing.T) {
	nobody := map[string]string{}
	for _, line := range strings.Split(strings.TrimSpace(namesNobody), "\n") {
		table, columns, _ := strings.Cut(line, ": ")
		nobody[table] = columns
	}
	var missing []string
	for table, columns := range schema(t) {
		var known []string
		for _, p := range person.AllPlaces() {
			if p.Table == table {
				known = slices.Concat(p.Names, p.Phones, p.Texts, p.Track)
			}
		}
		var left []string
		for _, c := range columns {
			listed := slices.Contains(strings.Fields(nobody[table]), c.name)
			if (c.kind == "TEXT" || c.kind == "BLOB") && !listed && !slices.Contains(known, c.name) {
				left = append(left, c.name)
			}
			if listed && slices.Contains(known, c.name) {
				t.Errorf("%s.%s is said both to name people and to name nobody", table, c.name)
			}
		}
		if len(left) > 0 {
			missing = append(missing, fmt.Sprintf("%s: %s", table, strings.Join(left, " ")))
		}
	}
	slices.Sort(missing)
	if len(missing) > 0 {
		t.Errorf("may these name a person? Then they belong into tables.go, else into the list of this test:\n%s", strings.Join(missing, "\n"))
	}
}

const namesNobody = `
artifacts: version os arch sha256
audit: role act kind node site hash salt seal
audit_erased: sum
audit_marks: name hash
availability: day gateway kind site
boots: gateway
breakdowns: gateway device site kind what
calibrations: gateway device done_on due_on
cards: place topic
certificates: fingerprint serial gateway site public_key der ended_why
chores: name day
command_steps: command state
commands: id gateway site device point incident state payload
counters: name
cursors: gateway
desired: gateway
device_states: gateway device
devices: gateway id name kind model place zone channel
dock_checks: target
dock_nonces: target nonce
dock_parts: target gateway device
dock_queue: target gateway device incident state
drawings: kind subject content
duty_answers: role how
duty_checks: node role source centre state
duty_plans: node role days hours
enrolment_tokens: hash gateway site cert
events: gateway payload
evidence: gateway id have state why_zh why_en previous alert
evidence_clips: id gateway bundle part kind video type sha256
evidence_holds: incident
evidence_keys: gateway key
gaps: gateway reason
gateway_configs: gateway parts state mistakes
gateway_rules: gateway hash
gateways: id site version config
grants: role node
handovers: node role
health_digests: gateway body
health_reasons: gateway device zh en
identities: issuer subject
inbox: gateway payload
incident_alerts: gateway alert incident site device rule zone channel danger joined severity severity_now
incident_apart: incident gateway device danger
incident_keys: key incident
incident_steps: incident deed from_step to_step key
incidents: id gateway alert site device rule severity handling outcome previous step source category node assignee_kind cause cause_key cause_zh cause_en merged_into
journal: device gateway kind
leases: name worker
looks: id gateway device site state why about
memberships: gateway device channel
memos: kind about node class page subject
mode_changes: node kind
modes: node
node_entries: node record kind
node_sites: site node
nodes: id parent kind name handover_from handover_to
notices: receiver incident kind severity state bundle
oidc_logins: state browser nonce verifier address
orders: node needs
outages: gateway
outputs: gateway device point allowed
parked: gateway device point why
parked_records: gateway payload why
patrol_plans: node name role days hours
patrol_points: node plan name position code checks
patrol_rounds: node plan role state
patrol_stops: name position code checks how incident
photo_bytes: id content
photos: id incident type sha256
plan_pictures: site type sha256 content
points: gateway model name unit labels
receipts: node
report_blocks: month site node body
report_dirty: incident
reports: key incident sum
revoked_links: incident
rollout_gateways: gateway state why_zh why_en version
rollouts: version
rule_versions: gateway rule version
runs: gateway
secrets: name value
sessions: id address
shifts: node role mode days hours zone
silences: gateway
sites: id name timezone owner
timeline: incident kind
timers: kind subject
tries: gateway why
users: password
watches: gateway
meters: gateway device serial
meter_readings: point
windows: site gateway device
workers: id
written: gateway
`
