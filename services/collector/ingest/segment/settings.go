package segment

// Settings is what Segment's browser client asks for before it sends: only our
// own integration, whose requests come back to this collector.
type Settings struct {
	Integrations         map[string]Integration `json:"integrations"`
	Plan                 map[string]any         `json:"plan"`
	EdgeFunction         struct{}               `json:"edgeFunction"`
	AnalyticsNextEnabled bool                   `json:"analyticsNextEnabled"`
	MiddlewareSettings   struct{}               `json:"middlewareSettings"`
	EnabledMiddleware    struct{}               `json:"enabledMiddleware"`
	Metrics              Metrics                `json:"metrics"`
	LegacyVideoPlugins   bool                   `json:"legacyVideoPluginsEnabled"`
	RemotePlugins        []string               `json:"remotePlugins"`
}

// Integration tells the client where to send.
type Integration struct {
	APIKey                string   `json:"apiKey"`
	APIHost               string   `json:"apiHost"`  // host and path, without the scheme
	Protocol              string   `json:"protocol"` // http or https
	UnbundledIntegrations []string `json:"unbundledIntegrations"`
	AddBundledMetadata    bool     `json:"addBundledMetadata"`
	MaybeBundledConfigIDs struct{} `json:"maybeBundledConfigIds"`
	VersionSettings       Versions `json:"versionSettings"`
}

// Versions says which parts of the integration the client has to load: none.
type Versions struct {
	Version        string   `json:"version"`
	ComponentTypes []string `json:"componentTypes"`
}

// Metrics turns the client's own statistics off.
type Metrics struct {
	SampleRate float64 `json:"sampleRate"`
	Host       string  `json:"host"`
	Protocol   string  `json:"protocol"`
}

// SettingsFor makes the answer for a write key; host is host and port.
func SettingsFor(writeKey, protocol, host string) Settings {
	return Settings{
		Integrations: map[string]Integration{"Segment.io": {
			APIKey: writeKey, APIHost: host + "/v1", Protocol: protocol,
			UnbundledIntegrations: []string{}, AddBundledMetadata: true,
			VersionSettings: Versions{Version: "4.4.7", ComponentTypes: []string{"browser"}},
		}},
		Plan:                 map[string]any{"track": map[string]any{"__default": map[string]any{"enabled": true, "integrations": map[string]any{}}}},
		AnalyticsNextEnabled: true,
		Metrics:              Metrics{SampleRate: 0, Host: host + "/v1", Protocol: protocol},
		RemotePlugins:        []string{},
	}
}
