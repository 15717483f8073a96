package commission

// A Client asks the gateway that runs.
type Client struct{ *Service }

// Dial finds the gateway that runs over a data folder; nil when none does.
func Dial(data string) *Client { return nil }
