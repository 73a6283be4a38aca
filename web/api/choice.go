package api

// Subscriptions say which granted tables come to a person's machines: GET and PUT /me/subscriptions.
type Subscriptions struct {
	Mode   string   `json:"mode"`   // all (also what is granted later) or explicit
	Tables []string `json:"tables"` // published names; of mode explicit
}

// DatasetChoices is the answer of GET /me/datasets.
type DatasetChoices struct {
	Datasets []DatasetChoice `json:"datasets"`
}

// DatasetChoice is a dataset and whether the person takes it. Taking one takes what it requires too.
type DatasetChoice struct {
	Dataset
	Taken bool `json:"taken"`
}
