package bucket

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestReadSecret(t *testing.T) {
	// Neither service can be had as a real server; this one knows two secrets.
	var asked string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		target := r.Header.Get("X-Amz-Target")
		asked = target + string(body) + r.Header.Get("Authorization")
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		switch {
		case strings.Contains(string(body), "denied"):
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"__type":"AccessDeniedException","message":"User: x is not authorized"}`)
		case strings.Contains(string(body), "missing"):
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, map[bool]string{
				true: `{"__type":"ParameterNotFound"}`, false: `{"__type":"ResourceNotFoundException","message":"Secrets Manager can't find the specified secret."}`,
			}[strings.HasPrefix(target, "AmazonSSM")])
		case strings.HasPrefix(target, "AmazonSSM"):
			_, _ = io.WriteString(w, `{"Parameter":{"Value":"from ssm"}}`)
		default:
			_, _ = io.WriteString(w, `{"SecretString":"from secrets manager"}`)
		}
	}))
	defer server.Close()
	environment := keys("id", "key", "")
	environment["AWS_ENDPOINT_URL_SECRETS_MANAGER"] = server.URL
	environment["AWS_ENDPOINT_URL_SSM"] = server.URL

	for ref, want := range map[string][]string{
		"aws-secretsmanager:shop/db": {"from secrets manager", `"SecretId":"shop/db"`, "/us-east-1/"},
		"aws-ssm:/shop/db":           {"from ssm", `"Name":"/shop/db"`, `"WithDecryption":true`},
		"aws-secretsmanager:arn:aws:secretsmanager:eu-west-1:1:secret:x": {"from secrets manager", "/eu-west-1/"},
	} {
		got, err := (*Sessions)(nil).ReadSecret(t.Context(), environment, "", ref)
		if err != nil {
			t.Fatal(err)
		}
		if got.Reveal() != want[0] {
			t.Errorf("%s is %q", ref, got.Reveal())
		}
		for _, part := range want[1:] {
			if !strings.Contains(asked, part) {
				t.Errorf("%s: %s is not in the request %s", ref, part, asked)
			}
		}
	}
	for ref, want := range map[string]string{
		"aws-secretsmanager:missing": "no such secret: Secrets Manager can't find the specified secret",
		"aws-ssm:missing":            "no such secret",
		"aws-secretsmanager:denied":  "access denied, secretsmanager:GetSecretValue is missing: User: x is not authorized",
		"aws-ssm:denied":             "access denied, ssm:GetParameter is missing: User: x is not authorized",
		"aws-ssm:":                   "not a reference to a secret: aws-secretsmanager:ID or aws-ssm:NAME is expected",
		"vault:x":                    "not a reference to a secret: aws-secretsmanager:ID or aws-ssm:NAME is expected",
	} {
		_, err := (*Sessions)(nil).ReadSecret(t.Context(), environment, "", ref)
		if err == nil || err.Error() != "read "+ref+": "+want {
			t.Errorf("%s: %v", ref, err)
		}
	}
}
