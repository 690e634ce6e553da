<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>
<qgis minScale="1e+08" version="3.22.16-Białowieża" styleCategories="AllStyleCategories" hasScaleBasedVisibilityFlag="0" maxScale="0">
  <flags>
    <Identifiable>1</Identifiable>
    <Removable>1</Removable>
    <Searchable>1</Searchable>
    <Private>0</Private>
  </flags>
  <temporal fetchMode="0" enabled="0" mode="0">
    <fixedRange>
      <start></start>
      <end></end>
    </fixedRange>
  </temporal>
  <customproperties>
    <Option type="Map">
      <Option type="QString" name="identify/format" value="Value"/>
    </Option>
  </customproperties>
  <pipe-data-defined-properties>
    <Option type="Map">
      <Option type="QString" name="name" value=""/>
      <Option name="properties"/>
      <Option type="QString" name="type" value="collection"/>
    </Option>
  </pipe-data-defined-properties>
  <pipe>
    <provider>
      <resampling zoomedInResamplingMethod="nearestNeighbour" zoomedOutResamplingMethod="nearestNeighbour" enabled="false" maxOversampling="2"/>
    </provider>
    <rasterrenderer type="paletted" band="1" alphaBand="-1" opacity="0.75" nodataColor="">
      <minMaxOrigin>
        <limits>None</limits>
        <extent>WholeRaster</extent>
        <statAccuracy>Estimated</statAccuracy>
        <cumulativeCutLower>0.02</cumulativeCutLower>
        <cumulativeCutUpper>0.98</cumulativeCutUpper>
        <stdDevFactor>2</stdDevFactor>
      </minMaxOrigin>
      <colorPalette>
        <paletteEntry alpha="255" value="1" color="#bbbbbb" label="Flat"/>
        <paletteEntry alpha="255" value="2" color="#be130c" label="Gable"/>
        <paletteEntry alpha="255" value="3" color="#d45b60" label="Gambrel"/>
        <paletteEntry alpha="255" value="4" color="#9d5c87" label="Saw-tooth or row"/>
        <paletteEntry alpha="255" value="5" color="#7b60b8" label="Multiple eaves"/>
        <paletteEntry alpha="255" value="6" color="#0e6bff" label="Hipped, rectangular"/>
        <paletteEntry alpha="255" value="7" color="#00ceff" label="Hipped, L, T or U shape"/>
        <paletteEntry alpha="255" value="8" color="#4f1b4c" label="Mansard"/>
        <paletteEntry alpha="255" value="9" color="#b5ff30" label="Pyramid"/>
        <paletteEntry alpha="255" value="10" color="#ffbb85" label="Arched (barrel)"/>
        <paletteEntry alpha="255" value="11" color="#7f192f" label="Dome, cone or silo"/>
        <paletteEntry alpha="255" value="12" color="#0b1984" label="Other"/>
      </colorPalette>
    </rasterrenderer>
    <brightnesscontrast brightness="0" contrast="0" gamma="1"/>
    <huesaturation saturation="0" colorizeGreen="128" colorizeBlue="128" colorizeStrength="100" colorizeRed="255" invertColors="0" grayscaleMode="0" colorizeOn="0"/>
    <rasterresampler maxOversampling="2"/>
    <resamplingStage>resamplingFilter</resamplingStage>
  </pipe>
  <blendMode>0</blendMode>
</qgis>
