package profile

import "github.com/tagwire/tagwire/libs/event"

// The dimensions by which the tags of a group may be counted.
const (
	DimChannel = "channel"
	DimStore   = "store"
	DimStaff   = "staff"
	DimCity    = "city"
	// AnonymousSuffix is behind the dimension in the counts of anonymous profiles.
	AnonymousSuffix = ".anonymous"
)

// Dimensions are the dimensions by which the tags of a group are counted, by the
// group's name. They are those of the rules that judged the profile last
// (Profile.Rules): counted by others, a field would be taken back that was never
// added.
type Dimensions map[string][]string

// InDimension are the values of a dimension in which the profile stands, each
// once: none when it has none.
func (p *Profile) InDimension(dimension string) []string {
	switch dimension {
	case DimChannel:
		return p.Channels
	case DimStore:
		return p.Stores
	case DimStaff:
		return p.Staff()
	case DimCity:
		return CityOf(p.Traits)
	}
	return nil
}

// CityOf is the trait city, else 城市; none when neither is a text.
func CityOf(traits map[string]event.Trait) []string {
	for _, name := range []string{"city", "城市"} {
		if s, ok := traits[name].Value.(string); ok && s != "" {
			return []string{s}
		}
	}
	return nil
}
