DROP TABLE dns_tests;
DROP TABLE dns_zones;
DROP TABLE dns_credentials;
