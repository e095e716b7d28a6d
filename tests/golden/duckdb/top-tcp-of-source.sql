-- given: source=10.0.2.20
-- has: 10.0.3.30 | 5432
-- lacks: 10.0.1.1
SELECT dstaddr, dstport, service(dstport, 6), count(*), sum(packets), sum(bytes) b FROM vpc WHERE protocol = 6 AND srcaddr = '10.0.2.20' GROUP BY dstaddr, dstport ORDER BY b DESC, 1, 2 LIMIT 20
