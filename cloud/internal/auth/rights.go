package auth

import "slices"

// A Right is what an operation needs.
type Right string

// Rights.
const (
	See      Right = "see"      // incidents, sites, devices and their readings
	Take     Right = "take"     // take an incident
	Work     Right = "work"     // verify, handle and close incidents, report one, walk patrols, answer a duty check
	Rate     Right = "rate"     // say how satisfied one is with a closed incident that one has reported
	Dispatch Right = "dispatch" // accept, assign, urge, shelve, check, merge and split incidents, give orders down
	Mode     Right = "mode"     // switch a part of the street between ordinary and emergency (平/急)
	Dial     Right = "dial"     // whole phone numbers
	Command  Right = "command"  // move an output from afar
	Look     Right = "look"     // what cameras saw at an incident, and see now: personal data
	Install  Right = "install"  // enrol, configure and update gateways
	Manage   Right = "manage"   // people, the organisation, receivers, docking
	Audit    Right = "audit"    // what people did
)

// Rights are all of them.
func Rights() []Right {
	return []Right{See, Take, Work, Rate, Dispatch, Mode, Dial, Command, Look, Install, Manage, Audit}
}

// Roles. Link is the reader of a signed link: one incident, for a day. Viewer and operator are for small places whose
// people all do the same.
const (
	Link       = "link"
	Rater      = "rater" // the reader of a signed link to rate one closed incident
	None       = "none"  // of a user without a grant
	Viewer     = "viewer"
	Operator   = "operator"
	Property   = "property"   // 物业
	Grid       = "grid"       // 网格员
	Community  = "community"  // 社区
	Department = "department" // 职能部门
	Street     = "street"     // 街道指挥中心
	Installer  = "installer"  // 安装维护
	Auditor    = "auditor"    // 审计
	Admin      = "admin"      // 系统管理
)

// Roles are those that a grant can give.
func Roles() []string {
	return []string{Viewer, Operator, Property, Grid, Community, Department, Street, Installer, Auditor, Admin}
}

// RightsOf answers what a role may do; none of an unknown role.
func RightsOf(role string) []Right {
	switch role {
	case Link:
		return []Right{See, Take}
	case Rater:
		return []Right{Rate}
	case Viewer:
		return []Right{See}
	case Operator:
		return []Right{See, Take, Work, Rate, Dispatch, Dial, Look}
	case Property, Grid, Department:
		return []Right{See, Take, Work, Rate}
	case Community:
		return []Right{See, Take, Work, Rate, Dispatch, Dial, Look}
	case Street:
		return []Right{See, Take, Work, Rate, Dispatch, Dial, Mode, Command, Look}
	case Installer:
		return []Right{See, Install}
	case Auditor:
		return []Right{See, Audit}
	case Admin:
		return []Right{See, Manage, Audit, Install}
	}
	return nil
}

// A Grant gives a role in a part of the street.
type Grant struct {
	Role string `json:"role" enum:"viewer,operator,property,grid,community,department,street,installer,auditor,admin"`
	Node string `json:"node,omitempty" doc:"a node of the organisation, with all below it; absent: the whole street"`
}

// Where answers the nodes below which a user holds a right; all: everywhere.
func (u User) Where(r Right) (nodes []string, all bool) {
	for _, g := range u.Grants {
		if !slices.Contains(RightsOf(g.Role), r) {
			continue
		}
		if g.Node == "" {
			return nil, true
		}
		nodes = append(nodes, g.Node)
	}
	return nodes, false
}
