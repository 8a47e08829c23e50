DROP TABLE trail;
