"""The wire: a signed `requests.Session`, its transports, endpoint names, and an OAuth client. Imports no pytest."""
