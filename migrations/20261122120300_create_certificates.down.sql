DROP TABLE order_steps; DROP TABLE orders; DROP TABLE certificates; DROP TABLE acme_accounts;
