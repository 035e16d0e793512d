package schemas

// Reason is why something was refused. The set is closed: it labels metrics and
// is part of the contract of `rejected` and of the collector's answers.
type Reason string

// The reasons of refusal.
const (
	ReasonMalformed     Reason = "malformed_json"
	ReasonWrongType     Reason = "wrong_type"
	ReasonMissingField  Reason = "missing_field"
	ReasonNoIdentity    Reason = "no_identity"
	ReasonBadTime       Reason = "bad_time"
	ReasonTooLarge      Reason = "too_large"
	ReasonTooDeep       Reason = "too_deep"
	ReasonTooMany       Reason = "too_many_events"
	ReasonBadID         Reason = "bad_event_id"
	ReasonUnknownKey    Reason = "unknown_write_key"
	ReasonBadSignature  Reason = "bad_signature"
	ReasonUnknownSource Reason = "unknown_source"
	ReasonBadMapping    Reason = "bad_mapping"
	ReasonBadCrypt      Reason = "undecryptable"
	ReasonUnresolved    Reason = "unresolvable"
	ReasonPoison        Reason = "poison"
	ReasonStateTooLarge Reason = "state_too_large"
	ReasonSuppressed    Reason = "suppressed"
)

// Reasons are all of them, in the order of the list above: what counts by reason
// begins with each at 0, so that the first refusal is an increase.
func Reasons() []Reason {
	return []Reason{
		ReasonMalformed, ReasonWrongType, ReasonMissingField, ReasonNoIdentity, ReasonBadTime, ReasonTooLarge, ReasonTooDeep,
		ReasonTooMany, ReasonBadID, ReasonUnknownKey, ReasonBadSignature, ReasonUnknownSource, ReasonBadMapping, ReasonBadCrypt,
		ReasonUnresolved, ReasonPoison, ReasonStateTooLarge, ReasonSuppressed,
	}
}
