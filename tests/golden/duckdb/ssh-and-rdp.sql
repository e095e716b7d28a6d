-- has: RDP | 198.51.100.24 | 10.0.2.5 | 1 | 0
-- lacks: 10022
SELECT if(dstport = 22, 'SSH', 'RDP') s, srcaddr, dstaddr, sum((action = 'ACCEPT')::INT) a, sum((action = 'REJECT')::INT) r, sum(packets), sum(bytes) FROM vpc
WHERE protocol = 6 AND (dstport = 22 OR dstport = 3389) GROUP BY dstport, srcaddr, dstaddr ORDER BY a DESC, r DESC, s, srcaddr, dstaddr LIMIT 20
