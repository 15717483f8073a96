package enroll

import "github.com/linshao/linshao/rules"

// A Refusal says to a gateway, and with that to the person before it, why it gets no certificate.
type Refusal struct {
	Status int // of HTTP
	Code   string
	Text   rules.Text
}

func (r *Refusal) Error() string { return r.Text.EN }

func refuse(status int, code, zh, en string) *Refusal {
	return &Refusal{Status: status, Code: code, Text: rules.Text{ZH: zh, EN: en}}
}

func errToken() *Refusal {
	return refuse(403, "token_unknown", "云端没有这个注册码：抄错了，或已作废。请管理员重新生成", "the cloud knows no such token: it was mistyped or withdrawn; ask for a new one")
}

func errTokenExpired() *Refusal {
	return refuse(403, "token_expired", "注册码已过期，请管理员重新生成", "the token has expired; ask for a new one")
}

func errTokenUsed() *Refusal {
	return refuse(403, "token_used", "注册码已用过：每个只能用一次。若不是您用的，请立即告知管理员", "the token has been used: each is good for one time; if it was not you, tell the administrator at once")
}

func errTokenGateway() *Refusal {
	return refuse(403, "token_gateway", "这个注册码是给另一台网关的：核对 gateway.yaml 里的 gateway", "the token is for another gateway: look at gateway in gateway.yaml")
}

func errGatewayID() *Refusal {
	return refuse(422, "gateway_id", "网关编号要用 2 到 64 个 a-z、0-9 和 -", "a gateway's id is 2 to 64 of a-z, 0-9 and -")
}

func errRequest() *Refusal {
	return refuse(422, "csr", "证书申请不合格：用本机的 gateway enroll 生成", "the certificate request does not do: gateway enroll makes one")
}

func errKey() *Refusal {
	return refuse(409, "key_used", "这把密钥已有证书：每张证书要用新的密钥", "this key has a certificate already: each certificate needs a new key")
}

func errUnknown() *Refusal {
	return refuse(403, "certificate_unknown", "云端没有签发过这张证书，请用注册码重新注册", "the cloud has not issued this certificate; enrol with a token")
}

func errProof() *Refusal {
	return refuse(403, "proof", "无法证明持有现用证书的密钥", "it is not shown that the sender holds the key of the present certificate")
}

func errNonce() *Refusal {
	return refuse(403, "challenge", "质询已过期，请重试", "the challenge has expired; ask again")
}

func errRevoked() *Refusal {
	return refuse(403, "certificate_revoked", "证书已被吊销，请用新的注册码重新注册", "the certificate was revoked; enrol with a new token")
}

func errReplaced() *Refusal {
	return refuse(403, "certificate_replaced", "这张证书已被更新的替换", "a newer certificate has taken this one's place")
}

func errExpired() *Refusal {
	return refuse(403, "certificate_expired", "证书已过期：请管理员点一次「允许续期」（cloud gateway renew-ok），或用注册码重新注册", "the certificate has expired: somebody must let it be renewed (cloud gateway renew-ok), or enrol with a token")
}

func errGone() *Refusal {
	return refuse(403, "certificate_gone", "证书过期已超过 30 天，请用注册码重新注册", "the certificate expired more than 30 days ago; enrol with a token")
}

func errOften() *Refusal {
	return refuse(429, "too_many_requests", "请求过于频繁，请稍后再试", "too many requests; try again in a moment")
}

func errClosed() *Refusal {
	return refuse(503, "no_ca", "云端还没有签发机构：管理员先执行 cloud ca init", "the cloud has no CA yet: an administrator runs cloud ca init first")
}
