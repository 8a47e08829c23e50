DROP TABLE ca_spent;
DROP TABLE renewal_windows;
DROP TABLE issued;
