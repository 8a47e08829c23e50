-- Which program works on an order, by the name of the file that it holds a lock on while it lives.
ALTER TABLE orders ADD COLUMN worker TEXT;
