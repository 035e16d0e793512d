package schemas

import "slices"

// PersonalTraits are the traits that name or describe a person. Their values are
// sealed with the profile's key from the resolver on, as are an event's text and
// the values of phone and email identities. Birthday is not among them: rules
// count days to it.
func PersonalTraits() []string {
	return []string{
		"name", "first_name", "last_name", "firstName", "lastName", "nickname", "username",
		"phone", "mobile", "email", "address", "remark", "description", "avatar",
	}
}

// PersonalTrait says whether a trait's value is sealed.
func PersonalTrait(name string) bool { return slices.Contains(PersonalTraits(), name) }
