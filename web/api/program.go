package api

// ProgramLogin is the body of POST /login/program: a desktop program asks for its first tokens.
type ProgramLogin struct {
	Provider string `json:"provider"` // name of the auth block
	Code     string `json:"code"`     // with which the browser opened the program; good once, for ten minutes
	Verifier string `json:"verifier"` // whose S256 challenge /connect was opened with
	Label    string `json:"label"`    // what the person reads in the list of tokens
}

// ProgramRefresh is the body of POST /login/program/refresh: a desktop program asks for new tokens.
type ProgramRefresh struct {
	Provider     string `json:"provider"`      // name of the auth block
	RefreshToken string `json:"refresh_token"` // good once; a second time ends the program's access
}

// ProgramTokens are an access token and a refresh token (the names are those of RFC 6749 §5.1).
type ProgramTokens struct {
	AccessToken  string `json:"access_token"`    // to send as bearer token
	TokenType    string `json:"token_type"`      // Bearer
	ExpiresIn    int    `json:"expires_in"`      // of the access token, in seconds
	RefreshToken string `json:"refresh_token"`   // good once
	ID           string `json:"id,omitempty"`    // of the program among the person's tokens, told at first: DELETE /me/tokens/{id} signs it out
	User         string `json:"user,omitempty"`  // address of the person, told at first
	Until        string `json:"until,omitempty"` // when the person must let it in again, told at first
}
