-- has: 6379 | redis | 10.0.3.30 | ACCEPT
-- lacks: 27017
SELECT dstport, service(dstport, 6), dstaddr, action, count(*) n, count(DISTINCT srcaddr), sum(bytes) FROM vpc
WHERE protocol = 6 AND NOT private(srcaddr) AND list_contains([1433, 1521, 3306, 5432, 5439, 6379, 6380, 7000, 9042, 9200, 9300, 11211, 27017, 27018], dstport)
GROUP BY dstport, dstaddr, action ORDER BY action, n DESC, dstport, dstaddr
