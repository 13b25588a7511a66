"""Optional capabilities; nobody else imports them."""
