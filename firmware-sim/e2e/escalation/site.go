package escalation

import "fmt"

const secret = "escalation-proof-0123456789abcdef"

const orgFile = `nodes:
  - {id: yunfeng, kind: 街道, name: 云枫街道, owner: {name: 陈主任, phone: "13800000001"}}
  - {id: g1, parent: yunfeng, kind: 网格, name: 第一网格, owner: {name: 王网格员, phone: "13800000004"}, deputy: {name: 李副, phone: "13800000005"}}
  - {id: yuan, parent: g1, kind: 小区, name: 锦绣花园, sites: [proof]}
`

func (b *bench) config() string {
	person := `body: '{"to": {{json .Phone}}, "text": {{json .Text}}}', allow_private: true, severities: [A, B], secret_file: secret.key`
	return fmt.Sprintf(`data: data
public_url: http://%[1]s
http: {listen: "%[1]s"}
mqtt: {listen: "%[2]s"}
overdue: overdue.yaml
merge: {device: 0s, zone: 0s, bus: 0s, gateway: 0s, flood: 0s}
escalation:
  A:
    remind: %[3]s
    most: %[4]d
    rungs:
      - {tell: [responsible], by: [group, sms, voice]}
      - {tell: [deputy], by: [group, sms, voice]}
      - {tell: [street], by: [group, sms, voice]}
      - {tell: [street], by: [group, sms, voice]}
  B:
    remind: %[3]s
    most: %[4]d
    rungs:
      - {tell: [responsible], by: [group, sms]}
      - {tell: [deputy], by: [group, sms]}
notify:
  - {id: wecom, kind: wecom, url: "http://%[5]s/wecom/send?key=robot", severities: [A], allow_private: true}
  - {id: dingtalk, kind: dingtalk, url: "http://%[5]s/dingtalk/send?access_token=robot", severities: [A], allow_private: true, secret_file: secret.key}
  - {id: feishu, kind: feishu, url: "http://%[5]s/feishu/hook/robot", severities: [A, B], allow_private: true, secret_file: secret.key}
  - {id: street, kind: webhook, url: "http://%[5]s/street", severities: [A, B], allow_private: true, secret_file: secret.key}
  - {id: sms, kind: webhook, url: "http://%[5]s/sms", %[6]s}
  - {id: voice, kind: webhook, means: voice, url: "http://%[5]s/voice", %[6]s}
`, b.page, b.mqtt, remind, mostTold, b.receivers.address(), person)
}

// overdueRules are the shipped ones with short times, and a class B that climbs one rung.
func overdueRules() string {
	return fmt.Sprintf(`rules:
  - id: R30
    title: {zh: 超时, en: Late}
    kind: incident
    params: {second: %s, street: %s, district: %s}
    expr: class == 1 and acked == 0 and waiting > second
    clear: acked == 1 or closed == 1
    severity: A
    mode: armed
    message: {zh: "{waiting}无人接警", en: "nobody for {waiting}"}
    ladder:
      - {severity: A, expr: "class == 1 and acked == 0 and waiting > street", message: {zh: "{waiting}无人接警", en: "nobody for {waiting}"}}
      - {severity: A, expr: "class == 1 and closed == 0 and waiting > district", clear: "closed == 1", message: {zh: "{waiting}未办结", en: "not closed for {waiting}"}}
  - id: R30b
    title: {zh: 超时, en: Late}
    kind: incident
    params: {second: %s}
    expr: class == 2 and acked == 0 and waiting > second
    clear: acked == 1 or closed == 1
    severity: B
    mode: armed
    message: {zh: "{waiting}无人接警", en: "nobody for {waiting}"}
`, second, street, district, street)
}
