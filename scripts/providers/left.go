package main

// leftOut are the rules that are not taken, with the reason.
func leftOut() map[string]string {
	const (
		names  = "names decide: redact's rules about name and value cover it"
		code   = "redact has code for it"
		public = "finds a host, an account's name or a public identifier, no secret"
		file   = "is about files, not texts"
	)
	return map[string]string{
		"generic-api-key":                      names,
		"hashicorp-tf-password":                names,
		"nuget-config-password":                names,
		"freemius-secret-key":                  names,
		"polymarket-passphrase":                names,
		"gcp-application-default-credentials":  names,
		"gcp-service-account":                  code,
		"private-key":                          code,
		"jwt":                                  code,
		"mongodb-connection-string":            code,
		"curl-auth-header":                     code,
		"curl-auth-user":                       code,
		"kubernetes-secret-yaml":               code,
		"flyio-access-token":                   code,
		"slack-session-cookie":                 code,
		"slack-webhook-url":                    code,
		"microsoft-teams-webhook":              code,
		"artifactory-jfrog-url":                public,
		"azure-client-id":                      public,
		"azure-tenant-id":                      public,
		"azure-storage-account-name":           public,
		"clickhouse-cloud-key-id":              public,
		"cloudinary-cloud-name":                public,
		"planetscale-id":                       public,
		"polymarket-address":                   public,
		"salesforce-instance-url.1":            public,
		"snowflake-account-host.1":             public,
		"supabase-project-url":                 public,
		"tableau-personal-access-token-name.1": public,
		"tableau-server-host.1":                public,
		"pkcs12-file":                          file,
	}
}
