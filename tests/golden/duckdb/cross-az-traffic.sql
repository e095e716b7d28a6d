SELECT az_id, next_hop_az_id, count(*), sum(packets), sum(bytes) FROM vpc WHERE flow_direction = 'egress' AND az_id != next_hop_az_id GROUP BY 1, 2 ORDER BY 5 DESC
