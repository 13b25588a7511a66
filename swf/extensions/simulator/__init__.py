"""The other side: a HIS, a modality and an MIS that know swf only through its doors."""
